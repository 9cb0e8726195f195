//! The event stream: every event once and in order, from the number that the client saw last. One reader follows the table for
//! all clients; a client that comes late, or falls behind, reads the table itself until it has caught up.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
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

/// Silence after which a comment goes out, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events as they go out, written once for all clients: fifty pages beside a fast job would else cost more than the job.
#[derive(Debug)]
struct Batch {
    text: Bytes,
    /// The number of each event, and where it begins.
    starts: Vec<(i64, usize)>,
}

impl Batch {
    fn of(events: &[Event]) -> Self {
        let (mut text, mut starts) = (String::new(), Vec::with_capacity(events.len()));
        for event in events {
            let mut document = serde_json::to_value(event).expect("an event always serialises");
            if let Some(object) = document.as_object_mut() {
                object.insert("type".to_owned(), "event".into());
            }
            starts.push((event.seq, text.len()));
            let _ = write!(text, "event: event\nid: {}\ndata: {document}\n\n", event.seq);
        }
        Self { text: text.into(), starts }
    }

    fn last(&self) -> Option<i64> {
        self.starts.last().map(|(seq, _)| *seq)
    }

    /// The events behind this number; nothing when there are none.
    fn behind(&self, seq: i64) -> Bytes {
        let at = self.starts.partition_point(|(own, _)| *own <= seq);
        self.starts.get(at).map_or_else(Bytes::new, |(_, begin)| self.text.slice(*begin..))
    }
}

/// From the reader to the clients.
#[derive(Debug)]
pub(crate) struct EventHub {
    sender: broadcast::Sender<Arc<Batch>>,
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
                    let _ = state.hub.sender.send(Arc::new(Batch::of(&events)));
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
) -> Answer<Response> {
    let latest = state.store.events().latest().await?;
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    // A number that was never given belongs to another workspace.
    let after = resumed.or(query.after).map_or(latest, |after| after.min(latest));
    let mut activity = state.board.watch();
    activity.mark_changed();
    let client = Client { after, behind: true, live: state.hub.sender.subscribe(), activity, state };
    let pieces = stream::unfold(client, |mut client| async move {
        let piece = tokio::time::timeout(KEEP_ALIVE, client.next()).await;
        let piece = piece.unwrap_or_else(|_| Some(Bytes::from_static(b":\n\n")))?;
        Some((Ok::<_, Infallible>(piece), client))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// One listener.
struct Client {
    after: i64,
    /// Whether the table has to be read before live events count. They are subscribed to first, so none is lost between.
    behind: bool,
    live: broadcast::Receiver<Arc<Batch>>,
    activity: watch::Receiver<Arc<str>>,
    state: AppState,
}

impl Client {
    /// The next piece of the stream, one event or many; `None` ends it. May be given up while it waits: nothing is lost.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.behind {
                // A store that does not answer ends the stream; the client comes again.
                let page = self.state.store.events().after(self.after, PAGE).await.ok()?;
                self.behind = page.len() == PAGE as usize;
                if let Some(piece) = self.take(&Batch::of(&page)) {
                    return Some(piece);
                }
                continue;
            }
            tokio::select! {
                batch = self.live.recv() => match batch {
                    Ok(batch) => if let Some(piece) = self.take(&batch) {
                        return Some(piece);
                    },
                    Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                changed = self.activity.changed() => {
                    changed.ok()?;
                    let text = self.activity.borrow_and_update().clone();
                    if !text.is_empty() {
                        return Some(format!("event: activity\ndata: {text}\n\n").into());
                    }
                }
            }
        }
    }

    fn take(&mut self, batch: &Batch) -> Option<Bytes> {
        let piece = batch.behind(self.after);
        self.after = batch.last().map_or(self.after, |last| last.max(self.after));
        (!piece.is_empty()).then_some(piece)
    }
}
