//! Asking before something is deleted.

use std::io::{BufRead, IsTerminal};

use crate::error::{CliError, Result};
use crate::printer::Printer;

/// Whether `what` is to be deleted: whoever is at a terminal is asked, and a script has said all that it has to say.
///
/// # Errors
/// When the answer cannot be read.
pub(super) fn confirmed(what: &str, printer: &Printer) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
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
