//! The one mouth: data to standard output, talk to standard error.

use std::io::Write;
use std::process::ExitCode;

use crate::error::{Class, CliError};

/// Prints for people and programs.
#[derive(Debug, Default)]
pub(crate) struct Printer;

impl Printer {
    /// A printer on this process's streams.
    pub(crate) fn new() -> Self {
        Self
    }

    /// A line of data. A reader that went away is no failure.
    pub(crate) fn data(&self, line: impl AsRef<str>) {
        let _ = writeln!(std::io::stdout().lock(), "{}", line.as_ref());
    }

    /// A line of talk.
    pub(crate) fn talk(&self, line: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
    }

    /// Says what went wrong and gives the exit code for it.
    pub(crate) fn fail(&self, error: &CliError) -> ExitCode {
        self.talk(format!("error: {}", error.message));
        for cause in &error.causes {
            self.talk(format!("  because: {cause}"));
        }
        for hint in &error.hints {
            self.talk(format!("hint: {hint}"));
        }
        match error.class {
            Class::Failed => ExitCode::from(1),
            Class::Usage => ExitCode::from(2),
        }
    }
}
