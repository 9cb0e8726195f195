//! `imagemill config show`: each setting in force with its origin. Values that may be secret are masked.

use imagemill_desk::config::{Origin, masked};
use imagemill_desk::save_presets;
use serde_json::json;

use crate::cli::{ConfigAction, ConfigArgs};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::texts::say;

/// Prints everything.
pub(crate) fn run(context: &Context, args: &ConfigArgs) -> Exit {
    let ConfigAction::Show = args.action;
    let printer = &context.printer;
    let mut documents = Vec::new();
    for (path, setting) in &context.desk.config.settings {
        let key = path.join(".");
        let value = masked(&key, &setting.value);
        let origin = origin(context, &setting.origin);
        printer.line(format!("{key} = {value}  {}", printer.paint(Tone::Dim, format!("# {origin}"))));
        documents.push(json!({ "key": key, "value": value, "origin": origin }));
    }
    let presets: Vec<String> = save_presets(&context.desk.config).into_iter().map(|(name, ..)| name).collect();
    printer.line(say!(context.texts, "config.presets", presets = presets.join(", ")));
    printer.line(say!(context.texts, "config.workspace", folder = context.desk.workspace.root.display()));
    printer.json(&json!({
        "settings": documents,
        "save_presets": presets,
        "workspace": context.desk.workspace.root,
        "unknown_keys": context.desk.config.unknown_keys,
    }));
    Exit::Ok
}

fn origin(context: &Context, origin: &Origin) -> String {
    match origin {
        Origin::Default => say!(context.texts, "config.default"),
        Origin::File(path) | Origin::Login(path) => path.display().to_string(),
        Origin::Environment(name) => say!(context.texts, "config.environment", name = name),
        Origin::Flag(name) => (*name).to_owned(),
    }
}
