//! People and the critiques of a collection, on the command line: the check of all rows together, the queue, a reading, changed rows.
//! The console is the comfortable way.

use std::collections::{BTreeMap, HashMap};

use imagemill_desk::{Queue, QueueEntry, QueueView, Said, Wanted, now_us};
use imagemill_domain::collection::{CollectionFile, path_key, picture_of};
use imagemill_domain::critique::{Decision, EDITABLE, FEWEST_ANCHORS, Reason};
use imagemill_domain::hash::ContentHash;
use serde_json::{Value, json};

use crate::cli::{CheckRowsArgs, EditRowsArgs, QueueArgs, ReadArgs};
use crate::commands::critiques::show_report;
use crate::context::{Context, variable};
use crate::critique_report::Report;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `collections check`.
pub(super) async fn check(context: &Context, args: &CheckRowsArgs) -> anyhow::Result<Exit> {
    let desk = &context.desk;
    let store = desk.existing_store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    store.close().await;
    let commission = &queue.commission;
    let report = Report::new(&context.texts, &queue.outcome, &commission.rubric, &commission.gate_name);
    show_report(context, &report, args.report.as_deref())?;
    Ok(if queue.outcome.findings.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

/// `collections queue`.
pub(super) async fn queue(context: &Context, args: &QueueArgs) -> anyhow::Result<Exit> {
    let (desk, texts, printer) = (&context.desk, &context.texts, &context.printer);
    let view = QueueView::from_word(&args.view)
        .ok_or_else(|| Quit::usage(say!(texts, "collections.no_view", view = args.view)))?;
    let store = desk.existing_store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    store.close().await;
    let reader = reader(args.reader.as_deref());
    let rows = queue.view(view, &reader);
    for entry in rows.iter().take(args.limit) {
        let name = &queue.item(entry).item.name;
        if view == QueueView::Second {
            printer.line(name);
            continue;
        }
        let reasons: Vec<String> = entry.risk.reasons.iter().map(|reason| reason_words(context, reason)).collect();
        let points = printer.paint(Tone::Bold, format!("{:>4}", entry.risk.points));
        let decision = decision_words(context, entry.decision);
        printer.line(format!("{points}  {name}  {}  {}", printer.paint(Tone::Dim, decision), reasons.join(", ")));
    }
    printer.line(say!(
        texts,
        "collections.queue_sum",
        total = rows.len(),
        all = queue.entries.len(),
        program = context.program()
    ));
    for line in figures(context, &queue) {
        printer.line(line);
    }
    printer.json(&queue.document(view, &reader, args.limit, None));
    Ok(Exit::Ok)
}

/// How far readers agree, and what the judge is worth.
pub(super) fn figures(context: &Context, queue: &Queue) -> Vec<String> {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut lines = Vec::new();
    for pair in &queue.agreement().verdicts.pairs {
        let kappa = pair.kappa.map_or_else(|| "–".to_owned(), |kappa| format!("{kappa:.2}"));
        let percent = format!("{:.0}", pair.agree * 100.0);
        let (a, b, count) = (&pair.a, &pair.b, pair.both);
        lines.push(say!(texts, "collections.agree", a = a, b = b, percent = percent, count = count, kappa = kappa));
    }
    let judge = &queue.judge;
    if let Some(name) = &judge.judge {
        let (looked, anchors) = (judge.looked, judge.anchors);
        lines.push(say!(texts, "collections.judge", judge = name, looked = looked, anchors = anchors));
        lines.push(match &judge.calibration {
            Some(known) => {
                let (error, raw) = (format!("{:.2}", known.error), format!("{:.2}", known.error_raw));
                say!(texts, "collections.calibrated", error = error, raw = raw)
            }
            None => say!(texts, "collections.uncalibrated", least = FEWEST_ANCHORS),
        });
        if let Some(drift) = judge.drift.filter(|drift| drift.alarm) {
            let shift = format!("{:+.2}", drift.shift);
            let line = say!(texts, "collections.drift", count = drift.anchors, shift = shift);
            lines.push(printer.paint(Tone::Bad, line));
        }
    }
    lines
}

fn reason_words(context: &Context, reason: &Reason) -> String {
    if let Reason::Finding { rule } = reason {
        return rule.clone();
    }
    let word = json!(reason)["reason"].as_str().unwrap_or_default().to_owned();
    say!(context.texts, &format!("reason.{word}"))
}

fn decision_words(context: &Context, decision: Decision) -> String {
    let word = json!(decision).as_str().unwrap_or_default().to_owned();
    say!(context.texts, &format!("decision.{word}"))
}

/// `collections read`.
pub(super) async fn read(context: &Context, args: ReadArgs) -> anyhow::Result<Exit> {
    let (desk, texts) = (&context.desk, &context.texts);
    let approved = match args.verdict.as_deref() {
        None => None,
        Some("none") => Some(None),
        Some("approve") => Some(Some(true)),
        Some("reject") => Some(Some(false)),
        Some(other) => return Err(Quit::usage(say!(texts, "collections.no_verdict", verdict = other))),
    };
    let store = desk.store().await?;
    let mut queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    let entry = found(context, &queue, &args.picture)?;
    let reader = reader(args.reader.as_deref());
    let before = queue.readings(entry).find(|reading| reading.reader == reader);
    let said = Said {
        version: entry.version.clone(),
        approved: approved.unwrap_or_else(|| before.and_then(|reading| reading.approved)),
        score: args.score.or_else(|| before.and_then(|reading| reading.score)),
        note: args.note.or_else(|| before.map(|reading| reading.note.clone())).unwrap_or_default(),
        reader: reader.clone(),
    };
    let picture = queue.item(entry).item.picture;
    queue.say(&store, &picture, said, now_us()).await?;
    store.close().await;
    let entry = found(context, &queue, &args.picture)?;
    let decision = decision_words(context, entry.decision);
    context.printer.line(say!(texts, "collections.said", picture = args.picture, decision = decision));
    context.printer.json(&queue.page(entry, &reader, texts.lang));
    Ok(Exit::Ok)
}

/// `collections edit`.
pub(super) async fn edit(context: &Context, args: &EditRowsArgs) -> anyhow::Result<Exit> {
    let (desk, texts, printer) = (&context.desk, &context.texts, &context.printer);
    let store = desk.store().await?;
    let mut queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    let known = queue.entries.iter().map(|entry| &queue.item(entry).item);
    let known: HashMap<String, ContentHash> = known.map(|item| (path_key(&item.name), item.picture)).collect();
    let author = reader(args.author.as_deref());
    let (mut changed, mut same, mut bad) = (0_u64, 0_u64, 0_u64);
    for path in &args.files {
        let wrong = |why: &dyn std::fmt::Display| {
            Quit::usage(say!(texts, "critiques.no_file", file = path.display(), why = why))
        };
        let text = std::fs::read_to_string(desk.current.join(path)).map_err(|error| wrong(&error))?;
        let CollectionFile::Critiques(rows) = CollectionFile::parse(&text).map_err(|why| wrong(&why))? else {
            return Err(wrong(&say!(texts, "collections.no_critiques")));
        };
        for row in rows {
            let name = picture_of(&row).unwrap_or_default().to_owned();
            let picture = known.get(&path_key(&name)).copied().or_else(|| name.parse().ok());
            let Some(entry) = picture.and_then(|picture| queue.entry(&picture)) else {
                bad += 1;
                printer.line(say!(texts, "collections.no_row", picture = name, name = args.name));
                continue;
            };
            let members = EDITABLE.iter().filter_map(|member| Some(((*member).to_owned(), row.get(*member)?.clone())));
            let changes: BTreeMap<String, Value> = members.collect();
            let differs = changes.iter().any(|(member, value)| entry.row.now[member.as_str()] != *value);
            let (picture, version) = (queue.item(entry).item.picture, entry.version.clone());
            let wanted = Wanted { author: author.clone(), version, changes, note: args.note.clone() };
            if !differs {
                same += 1;
            } else if queue.change(&store, &picture, wanted, now_us()).await? {
                changed += 1;
            } else {
                bad += 1;
                printer.line(say!(texts, "collections.stale", picture = name));
            }
        }
    }
    store.close().await;
    printer.line(say!(texts, "collections.edited", changed = changed, same = same, bad = bad));
    printer.json(&json!({ "name": args.name, "author": author, "changed": changed, "same": same, "refused": bad }));
    Ok(if bad > 0 { Exit::SomeFailed } else { Exit::Ok })
}

/// The row of a picture by its name in the collection or by its content.
fn found<'a>(context: &Context, queue: &'a Queue, picture: &str) -> anyhow::Result<&'a QueueEntry> {
    let wanted = path_key(picture);
    let by_name = queue.entries.iter().find(|entry| path_key(&queue.item(entry).item.name) == wanted);
    let found = by_name.or_else(|| queue.entry(&picture.parse().ok()?));
    found.ok_or_else(|| {
        Quit::usage(say!(context.texts, "collections.no_row", picture = picture, name = queue.board.name))
    })
}

/// Who reads, where nobody says: the account.
fn reader(named: Option<&str>) -> String {
    let account = || ["USER", "USERNAME", "LOGNAME"].into_iter().find_map(variable);
    let name = named.map(str::to_owned).or_else(account).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "me".to_owned() } else { name.to_owned() }
}
