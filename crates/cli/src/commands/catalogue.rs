//! `imagemill catalogue [layouts|styles] [NAME]`: the layouts and styles in force, all of them, those that suit, or one in full.
//! Reads, and calls nobody.

use std::path::Path;

use imagemill_desk::{Lang, catalogue};
use imagemill_domain::catalogue::{
    self as domain, Bilingual, Catalogue, Content, EntryName, Fits, Layout, Needs, Phrase, Style,
};
use serde_json::{Value, json};

use crate::catalogue_sheet::sheet;
use crate::cli::{CatalogueArgs, CatalogueKind};
use crate::context::Context;
use crate::printer::{Tone, columns_of};
use crate::quit::{Exit, Quit};
use crate::texts::{Texts, say};

/// Shows one entry, or lists.
pub(crate) fn run(context: &Context, args: &CatalogueArgs) -> anyhow::Result<Exit> {
    let all = context.desk.catalogue()?;
    if let Some(path) = &args.sheet {
        return write_sheet(context, &all, &context.desk.current.join(path));
    }
    match (args.kind, &args.name) {
        (Some(CatalogueKind::Layouts), Some(name)) => show_layout(context, catalogue::layout(&all, name)?),
        (Some(CatalogueKind::Styles), Some(name)) => show_style(context, catalogue::style(&all, name)?),
        _ => list(context, args, &all)?,
    }
    Ok(Exit::Ok)
}

/// `--sheet`.
fn write_sheet(context: &Context, all: &Catalogue, path: &Path) -> anyhow::Result<Exit> {
    let headings = ["catalogue.layouts", "catalogue.styles"].map(|key| context.texts.fill(key, &[]));
    let drawn = sheet(all, [&headings[0], &headings[1]], context.texts.lang == Lang::ZhCn);
    std::fs::write(path, drawn).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    context.printer.line(context.shown(path));
    context.printer.json(&json!({ "sheet": path }));
    Ok(Exit::Ok)
}

fn list(context: &Context, args: &CatalogueArgs, all: &Catalogue) -> anyhow::Result<()> {
    let needs = Needs { ratio: args.ratio.clone(), points: args.points, ..Needs::default() };
    let word = args.suits.as_deref();
    let Some(found) = catalogue::suiting(all, word, &needs) else {
        let contents: Vec<&str> = Content::ALL.iter().map(|content| content.word()).collect();
        let tones: Vec<&str> = domain::Context::ALL.iter().map(|tone| tone.word()).collect();
        let (contents, tones) = (contents.join(", "), tones.join(", "));
        return Err(Quit::usage(say!(
            context.texts,
            "catalogue.no_word",
            word = word.unwrap_or_default(),
            contents = contents,
            contexts = tones
        )));
    };
    let mut document = serde_json::Map::new();
    if args.kind != Some(CatalogueKind::Styles) {
        let rows = found.layouts.iter();
        let rows = rows.map(|(entry, weight)| (entry.name.as_str(), &entry.title, &entry.gist, *weight));
        let rows: Vec<Row<'_>> = rows.collect();
        // A word is for layouts or for styles; the other table says nothing unless it was asked for.
        if args.kind.is_some() || !rows.is_empty() {
            table(context, &say!(context.texts, "catalogue.layouts"), &rows);
        }
        document.insert("layouts".into(), found.layout_documents().into());
    }
    if args.kind != Some(CatalogueKind::Layouts) {
        let rows = found.styles.iter();
        let rows = rows.map(|(entry, weight)| (entry.name.as_str(), &entry.title, &entry.gist, *weight));
        let rows: Vec<Row<'_>> = rows.collect();
        if args.kind.is_some() || !rows.is_empty() {
            table(context, &say!(context.texts, "catalogue.styles"), &rows);
        }
        document.insert("styles".into(), found.style_documents().into());
    }
    context.printer.json(&Value::Object(document));
    Ok(())
}

/// An entry of a list: name, title, gist, and its weight where one was asked for.
type Row<'a> = (&'a str, &'a Bilingual, &'a Bilingual, Option<u32>);

fn table(context: &Context, head: &str, rows: &[Row<'_>]) {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut rows: Vec<&Row<'_>> = rows.iter().collect();
    rows.sort_by_key(|(_, _, _, weight)| std::cmp::Reverse(*weight));
    printer.line(printer.paint(Tone::Bold, format!("{head} ({})", rows.len())));
    let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let titles = rows.iter().map(|(_, title, ..)| columns_of(said(texts, title))).max().unwrap_or_default();
    for (name, title, gist, weight) in rows {
        let weight = weight.map(|weight| format!("{weight:>3}  ")).unwrap_or_default();
        let title = said(texts, title);
        let gap = " ".repeat(titles - columns_of(title));
        printer.line(format!("  {weight}{name:names$}  {title}{gap}  {}", said(texts, gist)));
    }
}

fn said<'a>(texts: &Texts, text: &'a Bilingual) -> &'a str {
    match (texts.lang, &text.zh) {
        (Lang::ZhCn, Some(zh)) => zh.as_str(),
        _ => text.en.as_str(),
    }
}

fn show_layout(context: &Context, layout: &Layout) {
    let texts = &context.texts;
    let cjk = readable(texts, layout.cjk);
    head(context, layout.name.as_str(), &layout.title, &layout.gist);
    facts(
        context,
        &[
            ("catalogue.fits", weights(&layout.fits, Content::word)),
            ("catalogue.ratios", layout.ratios.to_string()),
            ("catalogue.points", layout.points.to_string()),
            ("catalogue.labels", layout.labels.to_string()),
            ("catalogue.cjk", cjk),
            ("catalogue.pairings", joined(layout.pairings.iter().map(EntryName::as_str))),
            ("catalogue.best_for", phrases(&layout.best_for)),
            ("catalogue.exempt", joined(layout.exempt.iter().map(|rule| rule.word()))),
            ("catalogue.variants", joined(layout.variants.iter().map(|variant| variant.name.as_str()))),
        ],
    );
    for (key, lines) in [
        ("catalogue.structure", &layout.structure),
        ("catalogue.visual", &layout.visual),
        ("catalogue.text", &layout.text),
    ] {
        block(context, key, lines);
    }
    context.printer.json(layout);
}

fn show_style(context: &Context, style: &Style) {
    let texts = &context.texts;
    let cjk = readable(texts, style.cjk);
    head(context, style.name.as_str(), &style.title, &style.gist);
    facts(
        context,
        &[
            ("catalogue.fits", weights(&style.fits, domain::Context::word)),
            ("catalogue.main", phrases(&style.palette.main)),
            ("catalogue.ground", style.palette.ground.as_str().to_owned()),
            ("catalogue.accents", phrases(&style.palette.accents)),
            ("catalogue.labels", format!("≤ {}", style.most_labels)),
            ("catalogue.cjk", cjk),
            ("catalogue.best_for", phrases(&style.best_for)),
            ("catalogue.exempt", joined(style.exempt.iter().map(|rule| rule.word()))),
            ("catalogue.variants", joined(style.variants.iter().map(|variant| variant.name.as_str()))),
        ],
    );
    for (key, lines) in [
        ("catalogue.visual", &style.visual),
        ("catalogue.lettering", &style.lettering),
        ("catalogue.avoid", &style.avoid),
    ] {
        block(context, key, lines);
    }
    context.printer.json(style);
}

fn head(context: &Context, name: &str, title: &Bilingual, gist: &Bilingual) {
    let name = context.printer.paint(Tone::Bold, name);
    context.printer.line(format!("{name}  {}", said(&context.texts, title)));
    context.printer.line(said(&context.texts, gist));
}

/// One line each; what is empty is left out.
fn facts(context: &Context, facts: &[(&str, String)]) {
    let named: Vec<(String, &String)> = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (say!(context.texts, key), value))
        .collect();
    let width = named.iter().map(|(name, _)| columns_of(name)).max().unwrap_or_default();
    for (name, value) in named {
        context.printer.line(format!("  {name}{}  {value}", " ".repeat(width - columns_of(&name))));
    }
}

fn block(context: &Context, key: &str, lines: &[Phrase]) {
    if lines.is_empty() {
        return;
    }
    context.printer.line(context.printer.paint(Tone::Bold, say!(context.texts, key)));
    for line in lines {
        context.printer.line(format!("  - {}", line.as_str()));
    }
}

fn readable(texts: &Texts, cjk: bool) -> String {
    if cjk { String::new() } else { say!(texts, "catalogue.not_cjk") }
}

fn weights<T: Copy>(fits: &Fits<T>, word: fn(T) -> &'static str) -> String {
    let mut fits: Vec<(T, u32)> = fits.iter().map(|(key, weight)| (*key, u32::from(*weight))).collect();
    fits.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    fits.into_iter().map(|(key, weight)| format!("{} {weight}", word(key))).collect::<Vec<_>>().join(", ")
}

fn phrases(phrases: &[Phrase]) -> String {
    joined(phrases.iter().map(Phrase::as_str))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
