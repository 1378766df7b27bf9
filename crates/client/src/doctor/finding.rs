//! What was found, for people and programs.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing to be done.
    Note,
    /// It works, but worse than it could.
    Warning,
    /// The cache cannot work so.
    Problem,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What programs tell it by: `lock-file-ignored`.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is, in a few words.
    pub title: String,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Finding {
    /// A finding about which nothing is to be done yet.
    pub fn new(level: Level, id: &'static str, title: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { id, level, title: title.into(), seen: seen.into(), hints: Vec::new() }
    }

    /// With something to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
