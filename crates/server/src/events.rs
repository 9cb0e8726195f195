//! The event stream: every event once and in order, from the number that the client saw last. One reader follows the table for
//! all clients; a client that comes late, or falls behind, reads the table itself until it has caught up.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use imagemill_domain::event::Event;
use imagemill_engine::EventFeed;
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use utoipa::IntoParams;

use crate::error::Answer;
use crate::extract::Query;
use crate::state::AppState;

/// Between two readings of the table: what happens within it goes out together.
const FOLD: Duration = Duration::from_millis(100);
/// Readings that a slow client may fall behind before it reads the table itself.
const BEHIND: usize = 64;
/// Events of one page of the table.
const PAGE: u32 = 1_000;

/// An event with its number, ready to be sent.
type Ready = (i64, Arc<str>);

/// From the reader to the clients.
#[derive(Debug)]
pub(crate) struct EventHub {
    sender: broadcast::Sender<Arc<[Ready]>>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND) }
    }
}

/// Follows the table until the server stops.
pub(crate) async fn follow(state: AppState) {
    let seen = state.store.events().latest().await.unwrap_or_default();
    let mut feed = EventFeed::after(state.store.clone(), seen);
    loop {
        match feed.next(Duration::from_secs(30)).await {
            Ok(events) if events.is_empty() => {}
            Ok(events) => {
                state.board.on_events(&events);
                if state.hub.sender.receiver_count() > 0 {
                    // Nobody listening any more is no error.
                    let _ = state.hub.sender.send(events.iter().map(ready).collect());
                }
                tokio::time::sleep(FOLD).await;
            }
            Err(error) => {
                tracing::error!(%error, "events cannot be read");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn ready(event: &Event) -> Ready {
    let mut value = serde_json::to_value(event).expect("an event always serialises");
    if let Some(object) = value.as_object_mut() {
        object.insert("type".to_owned(), "event".into());
    }
    (event.seq, Arc::from(value.to_string()))
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Events after this number; without it, and without Last-Event-ID, those from now on.
    after: Option<i64>,
}

/// What happens, as it happens
///
/// `event: event` has the number as `id` and the event document as data; `event: activity` tells rates, at most twice a second.
/// A client that was away sends `Last-Event-ID`, as browsers do, and misses nothing.
#[utoipa::path(get, path = "/events", tag = "events", params(EventsQuery),
    responses((status = 200, description = "the stream", content_type = "text/event-stream", body = String)))]
pub(crate) async fn events(
    State(state): State<AppState>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Message, Infallible>>>> {
    let latest = state.store.events().latest().await?;
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    // A number that was never given belongs to another workspace.
    let after = resumed.or(query.after).map_or(latest, |after| after.min(latest));
    let mut activity = state.board.watch();
    activity.mark_changed();
    let client =
        Client { after, backlog: VecDeque::new(), behind: true, live: state.hub.sender.subscribe(), activity, state };
    let messages = stream::unfold(client, |mut client| async move {
        let message = client.next().await?;
        Some((Ok(message), client))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// One listener.
struct Client {
    after: i64,
    backlog: VecDeque<Ready>,
    /// Whether the table has to be read before live events count. They are subscribed to first, so none is lost between.
    behind: bool,
    live: broadcast::Receiver<Arc<[Ready]>>,
    activity: watch::Receiver<Arc<str>>,
    state: AppState,
}

impl Client {
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((seq, text)) = self.backlog.pop_front() {
                self.after = seq;
                return Some(Message::default().event("event").id(seq.to_string()).data(&*text));
            }
            if self.behind {
                // A store that does not answer ends the stream; the client comes again.
                let page = self.state.store.events().after(self.after, PAGE).await.ok()?;
                self.behind = page.len() == PAGE as usize;
                self.backlog.extend(page.iter().map(ready));
                continue;
            }
            tokio::select! {
                batch = self.live.recv() => match batch {
                    Ok(batch) => {
                        let after = self.after;
                        self.backlog.extend(batch.iter().filter(|(seq, _)| *seq > after).cloned());
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                changed = self.activity.changed() => {
                    changed.ok()?;
                    let text = self.activity.borrow_and_update().clone();
                    if !text.is_empty() {
                        return Some(Message::default().event("activity").data(&*text));
                    }
                }
            }
        }
    }
}
