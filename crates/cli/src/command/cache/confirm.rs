//! Asking before something is deleted.

use std::io::{BufRead, IsTerminal};

use crate::error::{CliError, Result};
use crate::printer::Printer;

/// Whether somebody at the terminal says yes to deleting `what`.
///
/// # Errors
/// When nobody can be asked.
pub(super) fn confirmed(what: &str, printer: &Printer) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(CliError::usage(format!("nobody can be asked whether to delete {what}"))
            .hint("--yes deletes without asking"));
    }
    printer.talk(format!("delete {what}? [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| CliError::failed("the answer could not be read").because(error))?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        printer.talk("nothing is deleted");
    }
    Ok(yes)
}
