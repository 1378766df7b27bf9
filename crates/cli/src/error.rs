//! The one error that reaches the user: what failed, why, and what to do about it.

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It was tried and did not work: exit code 1.
    Failed,
    /// It was not tried, for it was asked for wrongly: exit code 2.
    Usage,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Which exit code.
    pub class: Class,
    /// What was attempted, on what.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
}

impl CliError {
    /// It was tried and did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { class: Class::Failed, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// It was asked for wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { class: Class::Usage, ..Self::failed(message) }
    }

    /// With the reason and the reasons behind it.
    #[must_use]
    pub(crate) fn because(mut self, error: impl std::error::Error) -> Self {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// What failed and why, in one line.
    pub(crate) fn line(&self) -> String {
        let causes: String = self.causes.iter().map(|cause| format!(": {cause}")).collect();
        format!("{}{causes}", self.message)
    }

    /// The nearest reason, where a table has no room for all.
    pub(crate) fn reason(&self) -> &str {
        self.causes.first().unwrap_or(&self.message)
    }

    /// With something to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<snowbank_server::service::ServiceError> for CliError {
    fn from(error: snowbank_server::service::ServiceError) -> Self {
        let source = std::error::Error::source(&error);
        let failed = Self::failed(error.to_string());
        match source {
            Some(source) => failed.because(source),
            None => failed,
        }
    }
}
