//! The command line's help in the language in force. English stands in the doc comments of `cli`; other languages replace it by
//! key: `help.about`, `help.COMMAND.about`, `help.COMMAND.ARGUMENT`, with `global` as the command of global options.

use clap::{Arg, ArgAction, Command, CommandFactory};
use imagemill_desk::Lang;

use crate::cli::Cli;
use crate::texts::Texts;

/// The command with its help texts.
pub(crate) fn command(lang: Lang) -> Command {
    let command = Cli::command();
    if lang == Lang::En { command } else { translate(command, &Texts::new(lang)) }
}

fn translate(command: Command, texts: &Texts) -> Command {
    let mut command = command;
    if let Some(about) = texts.find("help.about") {
        command = command.about(about.to_owned());
    }
    if let Some(after) = texts.find("help.after") {
        command = command.after_help(after.to_owned());
    }
    command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg(flag("help", 'h', ArgAction::Help, texts).global(true))
        .arg(flag("version", 'V', ArgAction::Version, texts));
    command = translate_arguments(headings(command, texts), "global", texts);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| translate_subcommand(sub, "", texts));
    }
    command
}

fn flag(name: &'static str, short: char, action: ArgAction, texts: &Texts) -> Arg {
    let help = texts.find(&format!("help.global.{name}")).unwrap_or_default().to_owned();
    Arg::new(name).long(name).short(short).action(action).help(help).help_heading(heading(texts, "global"))
}

/// A word above a part of a help text. clap wants headings that live as long as the program; there are five, made once.
fn heading(texts: &Texts, name: &str) -> &'static str {
    static HEADINGS: std::sync::OnceLock<std::collections::BTreeMap<String, String>> = std::sync::OnceLock::new();
    let all = HEADINGS.get_or_init(|| {
        let word = |name: &str| texts.find(&format!("help.heading.{name}")).unwrap_or_default().to_owned();
        ["usage", "commands", "arguments", "options", "global"].map(|name| (name.to_owned(), word(name))).into()
    });
    all.get(name).map_or("", String::as_str)
}

/// The same for all parts of a command.
fn headings(command: Command, texts: &Texts) -> Command {
    let word = |name: &str| heading(texts, name);
    let template = format!("{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}", word("usage"));
    let command = command.help_template(template).subcommand_help_heading(word("commands"));
    command.mut_args(|argument| {
        let part = match argument.get_help_heading() {
            Some(_) => "global",
            None if argument.is_positional() => "arguments",
            None => "options",
        };
        argument.help_heading(word(part))
    })
}

fn translate_subcommand(command: Command, prefix: &str, texts: &Texts) -> Command {
    let path = format!("{prefix}{}", command.get_name());
    let mut command = match texts.find(&format!("help.{path}.about")) {
        Some(about) => command.about(about.to_owned()),
        None => command,
    };
    command = translate_arguments(headings(command, texts), &path, texts);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| translate_subcommand(sub, &format!("{path}-"), texts));
    }
    command
}

fn translate_arguments(command: Command, path: &str, texts: &Texts) -> Command {
    command.mut_args(|argument| match texts.find(&format!("help.{path}.{}", argument.get_id())) {
        Some(help) => argument.help(help.to_owned()),
        None => argument,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(command: &Command, path: &str, texts: &Texts, out: &mut Vec<String>) {
        for argument in command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str())) {
            // An argument of several commands may have one text of its own under each.
            let key = format!("help.{path}.{}", argument.get_id());
            if texts.find(&key).is_none() {
                out.push(key);
            }
        }
        for sub in command.get_subcommands() {
            let path = if path == "global" { sub.get_name().to_owned() } else { format!("{path}-{}", sub.get_name()) };
            let key = format!("help.{path}.about");
            if texts.find(&key).is_none() {
                out.push(key);
            }
            missing(sub, &path, texts, out);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_chinese_text() {
        let mut out = Vec::new();
        missing(&Cli::command(), "global", &Texts::new(Lang::ZhCn), &mut out);
        assert!(out.is_empty(), "no text in zh-CN.toml for {out:#?}");
    }

    #[test]
    fn every_command_and_argument_has_an_english_text() {
        fn check(command: &Command) {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{}", sub.get_name());
                check(sub);
            }
        }
        let mut command = Cli::command();
        command.build();
        command.debug_assert();
        check(&Cli::command());
    }

    #[test]
    fn help_is_in_the_language_in_force() {
        let help = command(Lang::ZhCn).render_long_help().to_string();
        assert!(help.contains("批量"), "{help}");
        let mut whole = command(Lang::ZhCn);
        whole.build();
        whole.clone().debug_assert();
        let edit = whole.find_subcommand_mut("edit").unwrap().render_long_help().to_string();
        for english in ["Usage:", "Options:", "Arguments:", "Commands:", "Print help"] {
            assert!(!help.contains(english) && !edit.contains(english), "{english} in\n{edit}");
        }
    }
}
