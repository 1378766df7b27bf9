//! Why an entry is no snapshot that can be used.

/// Why an entry is no snapshot that can be used; to who wants to restore, all of it is a miss.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It does not begin as an index does.
    #[error("the entry is not the index of a snapshot")]
    NotAnIndex,
    /// Its version is not this one's.
    #[error("the index was made by a newer Snowbank (format {found}, this one reads {known})")]
    Newer {
        /// The version of its format.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// It is larger than any.
    #[error("the index states {size} bytes, and {bound} are the most it may have")]
    TooLarge {
        /// Bytes by its header, or of the entry.
        size: u64,
        /// The bound.
        bound: u64,
    },
    /// It was damaged on its way.
    #[error("the index is damaged: {0}")]
    Damaged(&'static str),
    /// Something in it cannot be.
    #[error("the index has a {what} that cannot be: {value}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// What it is, cut short.
        value: String,
    },
}

impl SnapshotError {
    pub(super) fn invalid(what: &'static str, value: impl std::fmt::Display) -> Self {
        let value: String = value.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        Self::Invalid { what, value }
    }
}
