//! Follows jobs until they end, whoever runs them: draws progress, listens for Ctrl-C, takes the workspace over when its owner
//! has gone. Whether anything is running here is the runner's matter.

use std::time::{Duration, Instant};

use imagemill_desk::{Progress, Runner, now_us, snapshot};
use imagemill_domain::event::Event;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::task::TaskState;
use imagemill_engine::EngineHandle;
use imagemill_store::Store;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;

use crate::context::Context;
use crate::deck_report;
use crate::printer::Printer;
use crate::report::{plain_line, status_line};
use crate::texts::say;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two lines without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The same while no task ends.
const QUIET_LINE_EVERY: Duration = Duration::from_secs(60);
/// Between two attempts to take over from an owner that may have gone.
const TAKE_OVER_EVERY: Duration = Duration::from_secs(1);
/// Looks in a row with nothing to do before that is believed: a submission may be on its way.
const IDLE_LOOKS: u32 = 3;

/// How following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every job ended, or waits for a person.
    Settled,
    /// A person interrupted this process.
    Interrupted,
}

/// Follows `jobs` to their end. `runs` says whether this process may run them, too; else it only watches. Events after `since`
/// are told.
pub(crate) async fn follow(
    context: &Context,
    store: &Store,
    jobs: &[JobId],
    runner: &mut Runner,
    runs: bool,
    since: i64,
) -> anyhow::Result<(End, Vec<Progress>)> {
    let mut view = View::new(context);
    let mut signals = Signals::listen();
    let mut events = Events { seq: since };
    let mut progress: Vec<Progress> = Vec::new();
    let mut interrupted = Interrupted::No;
    let mut took_over = Instant::now();
    let mut idle = 0;
    loop {
        let activity = runner.activity();
        for (index, id) in jobs.iter().enumerate() {
            let look = snapshot(store, *id, activity.as_ref()).await?;
            match progress.get_mut(index) {
                Some(known) => known.take(look),
                None => progress.push(Progress::new(look)),
            }
        }
        events.read(context, store, &mut progress).await?;
        view.draw(context, &progress);
        let settled = progress.iter().all(is_settled);
        idle = if activity.is_some_and(|activity| activity.nothing_to_do) { idle + 1 } else { 0 };
        if settled || idle >= IDLE_LOOKS || interrupted.is_over() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            signal = signals.next() => {
                if !interrupted.on(signal, context, store, &progress, runner.engine()).await? {
                    break;
                }
            }
        }
        if runner.engine().is_none() && took_over.elapsed() >= TAKE_OVER_EVERY {
            took_over = Instant::now();
            if !runs && context.desk.workspace.owner().is_none() {
                context.printer.note(say!(context.texts, "watch.nobody"));
                break;
            }
            if runs && runner.take_over(&context.desk, store).await?.is_none() {
                context.printer.note(say!(context.texts, "run.took_over"));
            }
        }
    }
    view.end(context);
    let end = if matches!(interrupted, Interrupted::No) { End::Settled } else { End::Interrupted };
    Ok((end, progress))
}

fn is_settled(progress: &Progress) -> bool {
    let now = &progress.now;
    match now.state {
        JobState::Finished => true,
        // Calls under way still come in.
        JobState::Paused | JobState::Stopped => now.counts.get(TaskState::Running) == 0,
        JobState::Submitting | JobState::Active => false,
    }
}

/// How far an interruption has come.
enum Interrupted {
    No,
    /// Nothing new starts; calls under way are awaited.
    Draining(tokio::task::JoinHandle<()>),
    /// Connections are closed.
    Stopped,
}

impl Interrupted {
    fn is_over(&self) -> bool {
        match self {
            Self::No => false,
            Self::Draining(task) => task.is_finished(),
            Self::Stopped => true,
        }
    }

    /// Acts on a signal. `false` ends following at once.
    async fn on(
        &mut self,
        signal: Signal,
        context: &Context,
        store: &Store,
        progress: &[Progress],
        engine: Option<&EngineHandle>,
    ) -> anyhow::Result<bool> {
        let texts = &context.texts;
        let Some(engine) = engine else {
            context.printer.note(say!(texts, "interrupt.left"));
            *self = Self::Stopped;
            return Ok(false);
        };
        let again = !matches!(self, Self::No);
        if !again {
            // Whoever starts the engine next must not go on with these unasked.
            for job in progress.iter().filter(|job| job.now.state == JobState::Active) {
                let reason = say!(texts, "interrupt.reason");
                store.jobs().set_state(job.now.id, JobState::Paused, Some(reason), now_us()).await?;
            }
            engine.wake();
        }
        if again || signal == Signal::Terminate {
            context.printer.note(say!(texts, "interrupt.stopping"));
            engine.stop().await;
            *self = Self::Stopped;
            return Ok(true);
        }
        let running: u32 = engine.activity().borrow().profiles.iter().map(|profile| profile.in_flight).sum();
        context.printer.note(say!(texts, "interrupt.draining", calls = texts.count("call", running.into())));
        let engine = engine.clone();
        *self = Self::Draining(tokio::spawn(async move { engine.drain().await }));
        Ok(true)
    }
}

/// What the system tells us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// Somebody ends the process.
    Terminate,
}

/// Signals as they come.
struct Signals {
    inbox: mpsc::UnboundedReceiver<Signal>,
}

impl Signals {
    fn listen() -> Self {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let sender = outbox.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && sender.send(Signal::Interrupt).is_ok() {}
        });
        #[cfg(unix)]
        tokio::spawn(async move {
            let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
                return;
            };
            while terminate.recv().await.is_some() && outbox.send(Signal::Terminate).is_ok() {}
        });
        Self { inbox }
    }

    async fn next(&mut self) -> Signal {
        match self.inbox.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Events, for the reporter, and as JSON lines with --json.
struct Events {
    seq: i64,
}

impl Events {
    async fn read(&mut self, context: &Context, store: &Store, jobs: &mut [Progress]) -> anyhow::Result<()> {
        loop {
            let page: Vec<Event> = store.events().after(self.seq, 1_000).await?;
            let Some(last) = page.last() else { break };
            self.seq = last.seq;
            for event in &page {
                if let Some(id) = event.job {
                    let Some(job) = jobs.iter_mut().find(|job| job.now.id == id) else { continue };
                    job.on_event(&event.body);
                }
                if let Some(line) = deck_report::line(context, store, event).await? {
                    context.printer.line(line);
                }
                if !context.printer.json || context.printer.quiet {
                    continue;
                }
                let mut value = serde_json::to_value(event)?;
                if let Some(object) = value.as_object_mut() {
                    object.insert("type".to_owned(), "event".into());
                }
                context.printer.json(&value);
            }
        }
        Ok(())
    }
}

/// Bars on a terminal, a line now and then without one.
struct View {
    bars: Option<MultiProgress>,
    drawn: Vec<ProgressBar>,
    last_line: Instant,
    last_ended: u64,
}

impl View {
    fn new(context: &Context) -> Self {
        let bars = (Printer::is_terminal() && !context.printer.quiet)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        context.printer.attach(bars.clone());
        Self { bars, drawn: Vec::new(), last_line: Instant::now(), last_ended: 0 }
    }

    fn draw(&mut self, context: &Context, progress: &[Progress]) {
        let texts = &context.texts;
        if let Some(bars) = &self.bars {
            while self.drawn.len() < progress.len() {
                let colors = if context.printer.colored_err() { ":.bold} {bar:30.green/dim" } else { "} {bar:30" };
                let template = format!("{{prefix{colors}}} {{pos}}/{{len}}  {{msg}}");
                let style = ProgressStyle::with_template(&template).expect("the template is ours");
                let bar = bars.add(ProgressBar::new(0));
                bar.set_style(style.progress_chars("━╸╌"));
                self.drawn.push(bar);
            }
            for (bar, job) in self.drawn.iter().zip(progress) {
                bar.set_prefix(job.now.name.clone());
                bar.set_length(job.now.counts.total());
                bar.set_position(job.now.counts.ended());
                bar.set_message(status_line(texts, job));
            }
            return;
        }
        let ended = progress.iter().map(|job| job.now.counts.ended()).sum();
        let pause = if ended == self.last_ended { QUIET_LINE_EVERY } else { LINE_EVERY };
        if self.last_line.elapsed() >= pause {
            for job in progress {
                context.printer.note(plain_line(texts, job));
            }
            self.last_ended = ended;
            self.last_line = Instant::now();
        }
    }

    fn end(&mut self, context: &Context) {
        for bar in self.drawn.drain(..) {
            bar.finish_and_clear();
        }
        context.printer.attach(None);
    }
}
