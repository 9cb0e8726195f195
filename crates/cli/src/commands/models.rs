//! `imagemill models`: the table of models in force, with what nobody has told about each. Reads, and calls nobody.

use imagemill_desk::{choose, documents};
use imagemill_domain::capability::{Capabilities, Price, SeedSupport};
use serde_json::json;

use crate::cli::ModelsArgs;
use crate::context::Context;
use crate::printer::{Tone, columns_of};
use crate::quit::Exit;
use crate::texts::{Texts, say};

/// Columns of the table.
const COLUMNS: usize = 6;

/// Shows the table, or the part that a profile's provider has.
pub(crate) fn run(context: &Context, args: &ModelsArgs) -> anyhow::Result<Exit> {
    let table = context.desk.capabilities()?;
    let profile = args.profile.as_deref().map(|name| choose(&context.desk.config, Some(name))).transpose()?;
    let wanted = |entry: &&Capabilities| profile.as_ref().is_none_or(|profile| profile.provider == entry.provider);
    let entries: Vec<&Capabilities> = table.models.iter().filter(wanted).collect();
    let called = profile.as_ref().and_then(|profile| table.find(&profile.provider, &profile.model));
    show(context, &entries, called);
    if let (Some(profile), None) = (&profile, called) {
        context.printer.line(say!(
            context.texts,
            "models.not_known",
            model = profile.model,
            provider = profile.provider
        ));
    }
    context.printer.json(&json!({
        "profile": profile.as_ref().map(|profile| &profile.name),
        "profile_model": profile.as_ref().map(|profile| &profile.model),
        "profile_entry": called.map(|entry| &entry.model),
        "models": entries.iter().map(|entry| documents::model(entry)).collect::<Vec<_>>(),
    }));
    Ok(Exit::Ok)
}

fn show(context: &Context, entries: &[&Capabilities], called: Option<&Capabilities>) {
    let (texts, printer) = (&context.texts, &context.printer);
    let head: [String; COLUMNS] = [
        say!(texts, "models.model"),
        say!(texts, "models.endpoints"),
        say!(texts, "models.sizes"),
        say!(texts, "models.references"),
        say!(texts, "models.seed"),
        say!(texts, "models.price"),
    ];
    let rows: Vec<[String; COLUMNS]> = entries.iter().map(|entry| row(texts, entry)).collect();
    let width =
        |column: usize| rows.iter().chain([&head]).map(|row| columns_of(&row[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - columns_of(cell))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    printer.line(printer.paint(Tone::Bold, format!("  {}", line(&head))));
    for (entry, row) in entries.iter().zip(&rows) {
        let mark = if called.is_some_and(|called| std::ptr::eq(called, *entry)) { "*" } else { " " };
        printer.line(format!("{mark} {}", line(row)));
        if !entry.note.is_empty() {
            printer.line(printer.paint(Tone::Dim, format!("      {}", entry.note)));
        }
        let unknown = entry.unknowns();
        if !unknown.is_empty() {
            let text = say!(texts, "models.unknown", keys = unknown.join(", "));
            printer.line(printer.paint(Tone::Dim, format!("      {text}")));
        }
    }
}

fn row(texts: &Texts, entry: &Capabilities) -> [String; COLUMNS] {
    let seed = match entry.seed {
        SeedSupport::Absent => "-",
        SeedSupport::Ignored => "?",
        SeedSupport::Honoured => "=",
    };
    [
        format!("{}  {}", entry.provider, entry.model),
        entry.endpoints().join(" "),
        entry.size.as_ref().map_or_else(|| "?".to_owned(), imagemill_domain::sizes::SizeRule::in_words),
        entry.max_references.map_or_else(|| "?".to_owned(), |most| most.to_string()),
        seed.to_owned(),
        entry.price.as_ref().map_or_else(|| "?".to_owned(), |price| price_words(texts, price)),
    ]
}

fn price_words(texts: &Texts, price: &Price) -> String {
    if let Some(one) = price.per_image {
        return say!(texts, "models.price_picture", money = format!("${one}"), date = price.date);
    }
    let line = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("${value}"));
    let tokens = [price.text_in, price.image_in, price.image_out].map(line).join(" / ");
    say!(texts, "models.price_tokens", tokens = tokens, date = price.date)
}
