//! `docs/commands.md`: every command with its arguments, from the arguments themselves.

use std::fmt::Write as _;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory};

use crate::args::Args;

/// Names a variable with which the page is written and not compared.
const WRITE: &str = "SNOWBANK_WRITE_DOCS";

const BEGINNING: &str = "\
# Commands

Every command and argument, as `--help` tells them; this page is made from them (`make docs`). Data goes to standard output, talk to
standard error. Exit codes: 0 done, 1 failed, 2 asked for wrongly.
";

/// The page.
fn page() -> String {
    let mut page = BEGINNING.to_owned();
    let mut root = Args::command();
    root.build();
    visible(&root).for_each(|command| section(&mut page, command, "snowbank"));
    page
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn section(page: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let level = "#".repeat(name.split(' ').count());
    let _ = write!(page, "\n{level} {name}\n\n{}\n", about(command));
    if command.has_subcommands() {
        visible(command).for_each(|below| section(page, below, &name));
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let _ = write!(page, "\n```\n{}\n```\n", usage.trim_start_matches("Usage: ").trim());
    let shown = |argument: &&Arg| {
        !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
    };
    let mut rows = command.get_arguments().filter(shown).peekable();
    if rows.peek().is_some() {
        page.push_str("\n| argument | |\n|---|---|\n");
        rows.for_each(|argument| row(page, argument));
    }
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string);
    about.unwrap_or_default().trim().to_owned()
}

fn row(page: &mut String, argument: &Arg) {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text: Vec<String> =
        help.lines().map(str::trim).filter(|line| !line.is_empty()).map(sentence).collect();
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !argument.is_hide_default_value_set() && argument.get_action().takes_values() && !defaults.is_empty() {
        text.push(format!("Default: `{}`.", defaults.join(" ")));
    }
    if argument.get_action().takes_values() {
        let values = argument.get_possible_values();
        let words: Vec<String> = values.iter().map(word).collect();
        if !words.is_empty() {
            text.push(format!("One of {}.", words.join(", ")));
        }
    }
    if let Some(name) = argument.get_env() {
        text.push(format!("Variable: `{}`.", name.to_string_lossy()));
    }
    let name = argument.to_string().replace('|', "\\|");
    let short =
        argument.get_short().filter(|_| argument.get_long().is_some()).map(|short| format!("`-{short}`, "));
    let _ =
        writeln!(page, "| {}`{name}` | {} |", short.unwrap_or_default(), text.join(" ").replace('|', "\\|"));
}

/// A word that an argument may be, and what it means.
fn word(value: &PossibleValue) -> String {
    let name = format!("`{}`", value.get_name());
    value.get_help().map_or_else(|| name.clone(), |help| format!("{name} ({help})"))
}

/// A line of help with the full stop that a table's cell of several sentences wants.
fn sentence(line: &str) -> String {
    match line.chars().last() {
        Some('.' | ':' | ',' | ']') => line.to_owned(),
        _ => format!("{line}."),
    }
}

#[test]
fn the_page_of_commands_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page(), "docs/commands.md is not what the arguments say: `make docs` writes it");
}
