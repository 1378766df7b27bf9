//! Counts by day, and samples of what is stored.

use async_trait::async_trait;

use super::Protocol;
use crate::Result;
use crate::ids::{RepoId, Timestamp};

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lookups that found their primary key.
    pub hits: u64,
    /// Lookups that found something else.
    pub partial_hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Entries saved.
    pub saves: u64,
    /// Bytes of them, as uploaded.
    pub bytes_in: u64,
    /// Bytes sent to those who restore.
    pub bytes_out: u64,
    /// Bytes of saves that needed no storing.
    pub bytes_deduplicated: u64,
}

/// Counts of a repository by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Whose.
    pub repo: RepoId,
    /// By which protocol.
    pub protocol: Protocol,
    /// What is to be added.
    pub counts: Counts,
}

/// A day of a repository and a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day's beginning, in UTC.
    pub day: Timestamp,
    /// `owner/name`.
    pub repository: String,
    /// By which protocol.
    pub protocol: Protocol,
    /// What happened.
    pub counts: Counts,
}

/// What is stored at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSample {
    /// Of which repository; none for the whole server.
    pub repo: Option<RepoId>,
    /// Bytes of all stored objects; none for a repository.
    pub disk: Option<u64>,
    /// What may be used, in bytes, where there is a bound.
    pub bound: Option<u64>,
    /// Bytes of visible entries, as uploaded.
    pub bytes: u64,
    /// Visible entries.
    pub entries: u64,
}

/// A sample that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The beginning of its hour, or of a repository's day.
    pub moment: Timestamp,
    /// What is stored.
    pub sample: NewSample,
}

/// Counts by day, and samples of what is stored.
#[async_trait]
pub trait Tallies {
    /// Adds to today's counts. One statement.
    async fn add_counts(&self, tallies: &[Tally]) -> Result<()>;

    /// The counts of the last so many days, today among them, the latest first; of one repository or of all.
    async fn days(&self, repo: Option<RepoId>, days: u64, limit: u64) -> Result<Vec<Day>>;

    /// What happened in the last so many days, today among them, summed for each of these repositories; those with
    /// nothing are left out. One statement, with one range of an index for each repository.
    async fn sums_of_days(&self, repos: &[RepoId], days: u64) -> Result<Vec<(RepoId, Counts)>>;

    /// Notes what is stored: of the whole server for this hour, of a repository for this day, in the place of what was
    /// noted for it. One statement.
    async fn note_samples(&self, samples: &[NewSample]) -> Result<()>;

    /// Samples of a repository, or of the whole server, the latest first.
    async fn samples(&self, repo: Option<RepoId>, limit: u64) -> Result<Vec<Sample>>;
}
