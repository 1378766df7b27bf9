//! Limits that are set while the server runs.

use async_trait::async_trait;

use crate::Result;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// Bytes of all entries of a repository.
    Size,
    /// Bytes that may be set as [`LimitKind::Size`] of what is below.
    MaxSize,
    /// Milliseconds that an entry is kept which nobody uses.
    Retention,
}

/// A limit that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLimit {
    /// For whom: empty for the whole server, an owner, or `owner/name`, in lower case.
    pub name: String,
    /// What is limited.
    pub kind: LimitKind,
    /// To how much.
    pub value: u64,
}

/// A limit that is to be set, or to be set no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// For whom, as [`SetLimit::name`] but in any case.
    pub name: String,
    /// What is limited.
    pub kind: LimitKind,
    /// To how much; nothing for no limit of its own.
    pub value: Option<u64>,
}

/// Limits of repositories, owners, and the server.
#[async_trait]
pub trait Limits {
    /// What is set for these names, in any case.
    async fn limits_of(&self, names: &[&str]) -> Result<Vec<SetLimit>>;

    /// Everything that is set.
    async fn limits(&self) -> Result<Vec<SetLimit>>;

    /// Sets limits, all or none.
    async fn set_limits(&self, changes: &[LimitChange]) -> Result<()>;
}
