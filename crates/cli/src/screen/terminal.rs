//! The terminal as a whole: takes it, draws, obeys keys, gives it back.

use std::time::Duration;

use imagemill_desk::now_us;
use imagemill_domain::job::JobState;
use imagemill_store::{RetrySelection, Store};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::Board;
use super::draw::draw;
use crate::context::Context;
use crate::texts::say;

/// Between two looks at the store.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows the workspace until a person leaves. Leaving changes nothing.
pub(crate) async fn show(context: &Context, store: &Store) -> anyhow::Result<()> {
    let mut board = Board::new(context, store).await?;
    let mut terminal = ratatui::try_init()?;
    let shown = run(context, store, &mut board, &mut terminal).await;
    ratatui::restore();
    shown
}

async fn run(
    context: &Context,
    store: &Store,
    board: &mut Board,
    terminal: &mut DefaultTerminal,
) -> anyhow::Result<()> {
    let mut keys = keys();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => board.look(context, store).await?,
            // A closed terminal is a person who left.
            key = keys.recv() => match key {
                Some(Some(key)) => {
                    if !obey(context, store, board, key).await? {
                        return Ok(());
                    }
                }
                // The size changed: drawn again below.
                Some(None) => {}
                None => return Ok(()),
            },
        }
        terminal.draw(|frame| draw(frame, &context.texts, board))?;
    }
}

/// Keys as they come, `None` for a change of size. Reading them blocks, so a thread of its own does; it ends with the process.
fn keys() -> mpsc::UnboundedReceiver<Option<KeyEvent>> {
    let (outbox, inbox) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let sent = match event {
                Event::Key(key) if key.kind == KeyEventKind::Press => outbox.send(Some(key)),
                Event::Resize(..) => outbox.send(None),
                _ => continue,
            };
            if sent.is_err() {
                return;
            }
        }
    });
    inbox
}

/// Does what a key asks for; `false` is the end.
async fn obey(context: &Context, store: &Store, board: &mut Board, key: KeyEvent) -> anyhow::Result<bool> {
    let leaves = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    if leaves {
        return Ok(false);
    }
    board.notice = None;
    if board.question.take().is_some() {
        if key.code == KeyCode::Char('y') {
            stop(context, store, board).await?;
        }
        return Ok(true);
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Ok(false),
        KeyCode::Up | KeyCode::Char('k') => board.step(-1),
        KeyCode::Down | KeyCode::Char('j') => board.step(1),
        KeyCode::Home => board.selected = 0,
        KeyCode::Char('p') => pause_or_resume(context, store, board).await?,
        KeyCode::Char('f') => retry(context, store, board).await?,
        KeyCode::Char('s') => {
            let open = |state| matches!(state, JobState::Active | JobState::Paused | JobState::Submitting);
            let name = board.chosen().filter(|job| open(job.now.state)).map(|job| job.now.name.clone());
            board.question = name.map(|job| say!(context.texts, "screen.stop_question", job = job));
        }
        _ => {}
    }
    Ok(true)
}

async fn pause_or_resume(context: &Context, store: &Store, board: &mut Board) -> anyhow::Result<()> {
    let Some(job) = board.chosen().map(|job| job.now.clone()) else { return Ok(()) };
    let jobs = store.jobs();
    board.notice = match job.state {
        JobState::Active => {
            let reason = say!(context.texts, "pause.reason");
            jobs.set_state(job.id, JobState::Paused, Some(reason), now_us()).await?;
            Some(say!(context.texts, "pause.done", job = job.name))
        }
        JobState::Paused => {
            jobs.set_state(job.id, JobState::Active, None, now_us()).await?;
            Some(goes_on(context, board, &job.name))
        }
        JobState::Submitting | JobState::Stopped | JobState::Finished => None,
    };
    board.look(context, store).await
}

async fn retry(context: &Context, store: &Store, board: &mut Board) -> anyhow::Result<()> {
    let Some(job) = board.chosen().map(|job| job.now.clone()) else { return Ok(()) };
    let tasks = store.tasks().retry(job.id, RetrySelection::Failed, true, now_us()).await?;
    let marked = say!(context.texts, "retry.marked", tasks = context.texts.count("task", tasks), job = job.name);
    board.notice = Some(if tasks == 0 { marked } else { format!("{marked} {}", goes_on(context, board, &job.name)) });
    board.look(context, store).await
}

async fn stop(context: &Context, store: &Store, board: &mut Board) -> anyhow::Result<()> {
    let Some(job) = board.chosen().map(|job| job.now.clone()) else { return Ok(()) };
    let stopped = store.jobs().stop(job.id, now_us()).await?;
    let tasks = context.texts.count("task", stopped);
    board.notice = Some(say!(context.texts, "stop.done", job = job.name, tasks = tasks));
    board.look(context, store).await
}

/// Who goes on with a job now.
fn goes_on(context: &Context, board: &Board, job: &str) -> String {
    match &board.owner {
        Some(owner) => say!(context.texts, "resume.owner", jobs = job, owner = owner),
        None => say!(context.texts, "screen.nobody", job = job),
    }
}
