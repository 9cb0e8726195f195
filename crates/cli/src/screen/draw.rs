//! Draws the board. Pure: from state to cells. Narrow terminals lose columns from the right, low ones the log first.

use imagemill_desk::Progress;
use imagemill_domain::job::JobState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState};

use super::Board;
use crate::clock::{duration, local_time};
use crate::report::{bar, short_rate, spent_parts, spent_short};
use crate::texts::{Texts, grouped, say};

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// Cells of a job's bar.
const BAR_WIDTH: usize = 20;
/// Lines of the log.
const LOG_LINES: u16 = 8;

/// Draws all of it.
pub(crate) fn draw(frame: &mut Frame<'_>, texts: &Texts, board: &Board) {
    let area = frame.area();
    let log = if area.height >= 30 { LOG_LINES + 1 } else { 0 };
    let jobs = (board.jobs.len() as u16 + 2).clamp(4, (area.height / 2).max(4));
    let [head, top, middle, bottom, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(jobs),
        Constraint::Min(3),
        Constraint::Length(log),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(headline(texts, board)), head);
    draw_jobs(frame, texts, board, top);
    draw_failures(frame, texts, board, middle);
    if log > 0 {
        let lines = board.log.iter().rev().take(usize::from(LOG_LINES)).rev();
        let lines: Vec<Line<'_>> = lines.map(|line| Line::styled(line.as_str(), DIM)).collect();
        frame.render_widget(Paragraph::new(lines).block(titled(&say!(texts, "screen.log"))), bottom);
    }
    frame.render_widget(Paragraph::new(footline(texts, board)), foot);
}

fn titled(title: &str) -> Block<'static> {
    Block::default().borders(Borders::TOP).border_style(DIM).title(Span::styled(format!(" {title} "), BOLD))
}

fn headline(texts: &Texts, board: &Board) -> Line<'static> {
    let owner = match &board.owner {
        Some(owner) => Span::from(say!(texts, "status.owner", owner = owner)),
        None => Span::styled(say!(texts, "screen.idle"), DIM),
    };
    let spent = spent_parts(texts, &board.spent.to_string(), board.spent, board.unpriced).join(", ");
    let folder = Span::styled(format!("  {}  ", board.folder.display()), DIM);
    Line::from(vec![Span::styled("imagemill", BOLD), folder, Span::from(format!("{spent}  ")), owner])
}

fn draw_jobs(frame: &mut Frame<'_>, texts: &Texts, board: &Board, area: Rect) {
    if board.jobs.is_empty() {
        let empty = say!(texts, "status.empty", folder = board.folder.display());
        frame.render_widget(Paragraph::new(empty).block(titled(&say!(texts, "screen.jobs"))), area);
        return;
    }
    // What does not fit is left out whole, least wanted first.
    let columns = match area.width {
        0..70 => 3,
        70..100 => 5,
        _ => 7,
    };
    let bar_width = if columns == 3 { BAR_WIDTH / 2 } else { BAR_WIDTH };
    let widths = [
        Constraint::Fill(3),
        Constraint::Length(bar_width as u16),
        Constraint::Length(15),
        Constraint::Length(9),
        Constraint::Length(16),
        Constraint::Length(9),
        Constraint::Fill(4),
    ];
    let heads = [
        "screen.name",
        "screen.progress",
        "screen.done",
        "screen.state",
        "screen.money",
        "screen.rate",
        "screen.trouble",
    ];
    let heads = heads.into_iter().take(columns).map(|head| Cell::from(say!(texts, head)).style(DIM));
    let rows = board.jobs.iter().map(|job| Row::new(cells(texts, job, bar_width).into_iter().take(columns)));
    let more = match board.more_jobs {
        0 => String::new(),
        more => format!("  {}", say!(texts, "screen.more_jobs", count = grouped(more as u64))),
    };
    let table = Table::new(rows, widths.into_iter().take(columns))
        .header(Row::new(heads))
        .block(titled(&format!("{}{more}", say!(texts, "screen.jobs"))))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .column_spacing(2);
    let mut chosen = TableState::default().with_selected(Some(board.selected));
    frame.render_stateful_widget(table, area, &mut chosen);
}

fn cells(texts: &Texts, job: &Progress, bar_width: usize) -> [Cell<'static>; 7] {
    let now = &job.now;
    let counts = &now.counts;
    let tone = match now.state {
        JobState::Finished if counts.unsuccessful() == 0 => Color::Green,
        JobState::Active | JobState::Submitting => Color::Cyan,
        JobState::Finished | JobState::Paused | JobState::Stopped => Color::Yellow,
    };
    let rate = job.rate_per_minute().map(short_rate).unwrap_or_default();
    let mut trouble: Vec<String> = Vec::new();
    trouble.extend(job.seconds_to_go().map(|seconds| say!(texts, "progress.to_go", time = duration(seconds))));
    trouble.extend(now.reason.as_deref().map(|reason| texts.translated(reason)));
    trouble.extend(now.paused.as_ref().map(|(_, reason, _)| {
        say!(texts, "status.profile_paused", profile = now.profile, reason = texts.translated(reason))
    }));
    let kinds = now.failures_by_kind().into_iter();
    trouble
        .extend(kinds.map(|(kind, count)| format!("{} {}", grouped(count), say!(texts, &format!("failure.{kind}")))));
    let spent = spent_short(now.spent, now.unpriced);
    let money = match now.budget {
        Some(budget) => format!("{spent} / {budget}"),
        None => spent,
    };
    [
        Cell::from(now.name.clone()),
        Cell::from(bar(counts.ended(), counts.total(), bar_width)).style(tone),
        Cell::from(format!("{}/{}", grouped(counts.ended()), grouped(counts.total()))),
        Cell::from(say!(texts, &format!("job_state.{}", now.state.word()))).style(tone),
        Cell::from(money),
        Cell::from(rate),
        Cell::from(trouble.join(" · ")),
    ]
}

fn draw_failures(frame: &mut Frame<'_>, texts: &Texts, board: &Board, area: Rect) {
    let block = titled(&say!(texts, "screen.failures"));
    if board.failures.is_empty() {
        let none = Line::styled(say!(texts, "screen.no_failures"), DIM);
        frame.render_widget(Paragraph::new(none).block(block), area);
        return;
    }
    let rows = board.failures.iter().take(usize::from(area.height)).map(|failed| {
        let time = local_time(failed.at_us).chars().skip(11).collect::<String>();
        Row::new([
            Cell::from(time).style(DIM),
            Cell::from(say!(texts, &format!("failure.{}", failed.kind))).style(Color::Yellow),
            Cell::from(failed.title.clone()),
            Cell::from(texts.translated(&failed.message)),
            Cell::from(failed.job.clone()).style(DIM),
        ])
    });
    let widths =
        [Constraint::Length(8), Constraint::Length(22), Constraint::Fill(2), Constraint::Fill(5), Constraint::Fill(2)];
    frame.render_widget(Table::new(rows, widths).block(block).column_spacing(2), area);
}

fn footline(texts: &Texts, board: &Board) -> Line<'static> {
    if let Some(question) = &board.question {
        return Line::styled(question.clone(), Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD));
    }
    match &board.notice {
        Some(notice) => Line::styled(notice.clone(), BOLD),
        None => Line::styled(say!(texts, "screen.keys"), DIM),
    }
}

#[cfg(test)]
mod tests {
    use imagemill_desk::{JobSnapshot, Lang};
    use imagemill_domain::failure::FailureKind;
    use imagemill_domain::job::{JobId, TaskCounts};
    use imagemill_domain::money::Money;
    use imagemill_domain::task::TaskState;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::screen::board::Failed;

    fn board() -> Board {
        let mut counts = TaskCounts::default();
        counts.set(TaskState::Succeeded, 30);
        counts.set(TaskState::Refused, 2);
        counts.set(TaskState::Queued, 68);
        let now = JobSnapshot {
            at_us: 0,
            id: JobId(1),
            name: "night-photos".into(),
            profile: "openai".into(),
            state: JobState::Active,
            reason: None,
            counts,
            spent: Money::from_dollars(1.25),
            unpriced: 0,
            reserved: Money::ZERO,
            budget: Some(Money::from_dollars(9.0)),
            failures: vec![(FailureKind::Refused, TaskState::Refused, 2)],
            pictures: 30,
            recipe: imagemill_domain::job_file::RecipeName::Generate,
            waiting_until_us: None,
            batches: Vec::new(),
            paused: None,
            concurrency: None,
        };
        let failed = Failed {
            at_us: 0,
            job: "night-photos".into(),
            title: "007.png".into(),
            kind: FailureKind::Refused,
            message: "the model refused: no".into(),
        };
        Board {
            jobs: vec![Progress::new(now)],
            failures: [failed].into(),
            log: vec!["a line of the log".into()],
            ..Board::default()
        }
    }

    fn drawn(board: &Board, lang: Lang, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &Texts::new(lang), board)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_wide_screen_shows_progress_money_failures_and_the_log() {
        let screen = drawn(&board(), Lang::En, 140, 34);
        for shown in [
            "night-photos",
            "32/100",
            "$1.25 / $9.00",
            "2 refused by the provider",
            "007.png",
            "the model refused: no",
            "a line of the log",
            "q leave",
        ] {
            assert!(screen.contains(shown), "{shown} is missing in\n{screen}");
        }
    }

    #[test]
    fn a_small_screen_keeps_what_matters_and_an_empty_board_says_so() {
        let small = drawn(&board(), Lang::En, 50, 12);
        assert!(small.contains("night-photos") && small.contains("32/100"), "{small}");
        assert!(!small.contains("a line of the log") && !small.contains("$9.00"), "{small}");
        let empty = drawn(&Board::default(), Lang::ZhCn, 80, 24);
        assert!(empty.contains('无'), "{empty}");
        drawn(&board(), Lang::En, 3, 2);
    }

    #[test]
    fn a_question_stands_in_the_last_line() {
        let asked = Board { question: Some("Stop night-photos?".into()), ..board() };
        let screen = drawn(&asked, Lang::En, 100, 20);
        assert!(
            screen.lines().rfind(|line| !line.trim().is_empty()).unwrap().contains("Stop night-photos?"),
            "{screen}"
        );
    }
}
