//! What a restore did.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

/// How many paths, and bytes of NARs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// How many.
    pub count: u64,
    /// Bytes of their NARs.
    pub bytes: u64,
}

impl Paths {
    pub(super) fn add(&mut self, info: &PathInfo) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(info.nar_size);
    }
}

/// Why a path was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The snapshot does not have it.
    Absent,
    /// A pack is not there any more, or not what it should be.
    Lost,
    /// The cache service does not work.
    Outage,
    /// Bytes that are not what was saved.
    Damaged,
    /// What the snapshot says of it cannot be.
    Recipe,
    /// No upstream cache gave it.
    Upstream,
    /// The store does not take it.
    Refused,
    /// Somebody else has been making it all the time.
    Busy,
    /// The restore ended before its turn came.
    Stopped,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "not in the snapshot",
            Self::Lost => "in packs that are not there any more",
            Self::Outage => "in a cache service that does not answer",
            Self::Damaged => "damaged",
            Self::Recipe => "described wrongly by the snapshot",
            Self::Upstream => "not to be had from upstream caches",
            Self::Refused => "not taken by the store",
            Self::Busy => "being made by somebody else",
            Self::Stopped => "left when the restore ended early",
        })
    }
}

/// A path that was not restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Why.
    pub reason: Reason,
    /// What was said of it.
    pub detail: String,
    /// The path that all this concerns, where it is one that this path needs.
    pub through: Option<StorePath>,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, detail, through } = self;
        match through {
            None => write!(f, "it is {reason}: {detail}"),
            Some(path) => write!(f, "it needs {path}, which is {reason}: {detail}"),
        }
    }
}

/// Why a restore ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Cancelled,
    /// Not more than so many bytes would have stayed free.
    Room {
        /// Bytes that were free.
        free: u64,
    },
    /// The store takes nothing more.
    Store(String),
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths that the store had.
    pub found: Paths,
    /// Paths that came from packs.
    pub restored: Paths,
    /// Paths that came from upstream caches.
    pub upstream: Paths,
    /// Paths that somebody else made meanwhile.
    pub others: Paths,
    /// Bytes of packs that were fetched, footers and gaps included.
    pub downloaded: u64,
    /// Bytes that came from upstream caches, compressed.
    pub received: u64,
    /// Packs that were needed.
    pub packs: u64,
    /// Requests for packs: lookups and ranges. (What is tried again within one is not told apart.)
    pub requests: u64,
    /// What was not restored.
    pub missed: BTreeMap<StorePath, Miss>,
    /// Why it ended early, if it did.
    pub stopped: Option<Stopped>,
    /// Time spent on finding out what is missing and where it is.
    pub looking: Duration,
    /// Time spent on fetching and writing.
    pub writing: Duration,
}

impl Report {
    /// One sentence for each reason why paths are missing: how many, how many more need them, and one of them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut reasons: BTreeMap<Reason, (u64, u64, String)> = BTreeMap::new();
        for (path, miss) in &self.missed {
            let (direct, through, example) = reasons.entry(miss.reason).or_default();
            if miss.through.is_some() {
                *through += 1;
                continue;
            }
            *direct += 1;
            if example.is_empty() {
                *example = format!("{path}: {}", miss.detail);
            }
        }
        let sentence = |(reason, (direct, through, example)): (Reason, (u64, u64, String))| {
            let all = direct + through;
            let (were, they) = if all == 1 { ("path was", "it is") } else { ("paths were", "they are") };
            let needing = match through {
                0 => String::new(),
                _ => format!(" ({direct}), or need what is ({through})"),
            };
            format!("{all} {were} not restored: {they} {reason}{needing}; for one {example}")
        };
        reasons.into_iter().map(sentence).collect()
    }
}
