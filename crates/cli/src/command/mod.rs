//! The commands, one file each.

mod ask;
mod cache;
mod check;
mod client;
mod completions;
mod config;
mod doctor;
mod exchange;
mod gc;
mod github;
mod hash_files;
mod health;
mod image;
mod in_process;
mod key;
mod man;
mod pin;
mod serve;
mod store_helper;
mod token;
mod use_cache;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::error::Result;
use crate::printer::Printer;

/// Runs the command that the arguments name. The exit code is another command's own for `run`.
pub(crate) async fn run(args: Args, printer: &Printer) -> Result<ExitCode> {
    match args.command {
        Command::Run(args) => return client::run(*args, printer).await,
        Command::Restore(args) => return client::restore(*args, printer).await,
        Command::Pull(args) => return client::pull(*args, printer).await,
        Command::Doctor(args) => return doctor::run(*args, printer).await,
        Command::Save(args) => client::save(*args, printer).await,
        Command::Push(args) => client::push(*args, printer).await,
        Command::WatchStore(args) => client::watch_store(*args, printer).await,
        Command::Image(args) => image::run(args, printer).await,
        Command::Serve(args) => serve::run(args, printer).await,
        Command::Token(args) => token::run(args, printer).await,
        Command::Key(args) => key::run(args, printer),
        Command::Cache(args) => cache::run(args, printer).await,
        Command::Pin(args) => pin::run(args, printer).await,
        Command::Use(args) => use_cache::run(*args, printer).await,
        Command::Gc(args) => gc::run(args, printer).await,
        Command::Check(args) => check::run(args, printer).await,
        Command::Health(args) => health::run(args, printer).await,
        Command::HashFiles(args) => hash_files::run(args, printer).await,
        Command::Substituter(args) => client::substituter(args, printer).await,
        Command::StoreHelper(args) => store_helper::run(args).await,
        Command::Config(args) => config::run(args, printer),
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Man { folder } => man::run(&folder),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A count of bytes for people: `3.8 GB`.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = count as f64;
    let mut unit = 0;
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{scaled:.1} {}", UNITS[unit]) }
}

/// So many of something: `1 pack`, `2 packs`.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_short_and_decimal() {
        assert_eq!(super::bytes(0), "0 B");
        assert_eq!(super::bytes(999), "999 B");
        assert_eq!(super::bytes(3_780_000_000), "3.8 GB");
        assert_eq!(super::bytes(999_999), "1.0 MB");
    }
}
