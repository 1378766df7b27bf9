//! Why a lookup found nothing.

use super::RemovalReason;
use crate::ids::Timestamp;

/// Why a lookup found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissReason {
    /// What would have been found was being saved just then.
    BeingSaved {
        /// Its key.
        key: String,
        /// When its upload was reserved, or when it became visible: just after the lookup.
        since: Timestamp,
    },
    /// What would have been found had been uploaded in part, and never finalized.
    Unfinished {
        /// Its key.
        key: String,
        /// When it was reserved.
        begun: Timestamp,
        /// When it was given up.
        ended: Timestamp,
    },
    /// What would have been found had not been used for too long.
    Expired {
        /// Its key.
        key: String,
        /// When it went.
        at: Timestamp,
    },
    /// What would have been found could not be read any more.
    Damaged {
        /// Its key.
        key: String,
        /// When that was noticed.
        at: Timestamp,
    },
    /// What would have been found went: over a limit, or somebody deleted it.
    Evicted {
        /// Its key.
        key: String,
        /// When it went.
        at: Timestamp,
        /// Why.
        why: RemovalReason,
        /// Who deleted it.
        by: Option<String>,
    },
    /// The key is there in a scope that was looked in, in another version: paths or compression differ.
    OtherVersion {
        /// The entry's key.
        key: String,
        /// Its scope.
        scope: String,
        /// Its version.
        version: String,
    },
    /// The key is there in a scope that the job cannot see.
    OtherScope {
        /// The entry's key.
        key: String,
        /// Its scope.
        scope: String,
        /// Its version.
        version: String,
    },
    /// Nothing begins with any of the keys.
    NoSuchKey {
        /// Keys that are most like the primary key.
        nearest: Vec<String>,
    },
}
