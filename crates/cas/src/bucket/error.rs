//! What can go wrong with the bucket.

use std::error::Error;
use std::io;

type Cause = Box<dyn Error + Send + Sync>;

/// The bucket could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The disk, or the quota on it, is full.
    #[error("no room left to {attempt} `{name}`")]
    Full {
        /// What was attempted.
        attempt: &'static str,
        /// On which object.
        name: String,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// There is no such object.
    #[error("there is no object `{0}`")]
    Missing(String),
    /// The object's bytes do not have its hash.
    #[error("object `{0}` is not what was stored under its name")]
    Altered(String),
    /// The object ends before the range that was asked for.
    #[error("object `{name}` ends before byte {end}")]
    Short {
        /// Which object.
        name: String,
        /// Where the range ends.
        end: u64,
    },
    /// Anything else.
    #[error("could not {attempt} `{name}`")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// On which object.
        name: String,
        /// What the system said.
        #[source]
        source: Cause,
    },
}

impl BucketError {
    /// Whether it says that the object is not what was stored; else the bucket did not answer, which says nothing
    /// about the object.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Altered(_) | Self::Short { .. })
    }

    /// Sorts a failure to `attempt` something on object `name` by its cause.
    pub(crate) fn new(attempt: &'static str, name: impl Into<String>, source: impl Into<Cause>) -> Self {
        let (name, source) = (name.into(), source.into());
        match kind_of(source.as_ref()) {
            Kind::Full => Self::Full { attempt, name, source },
            Kind::Missing => Self::Missing(name),
            Kind::Other => Self::Failed { attempt, name, source },
        }
    }
}

enum Kind {
    Full,
    Missing,
    Other,
}

fn kind_of(error: &(dyn Error + 'static)) -> Kind {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(object_store::Error::NotFound { .. }) = error.downcast_ref() {
            return Kind::Missing;
        }
        let Some(system) = error.downcast_ref::<io::Error>() else {
            next = error.source();
            continue;
        };
        match system.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return Kind::Full,
            io::ErrorKind::NotFound => return Kind::Missing,
            // `source` would pass over the error that it wraps.
            _ => next = system.get_ref().map(|wrapped| wrapped as &(dyn Error + 'static)),
        }
    }
    Kind::Other
}

/// A stream could not be stored. Nothing of it is left in the bucket.
#[derive(Debug, thiserror::Error)]
pub enum PutError<E: Error + 'static> {
    /// The stream itself failed.
    #[error("the stream to be stored broke off")]
    Sender(#[source] E),
    /// The stream is longer than it may be.
    #[error("the stream to be stored is longer than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// The disk, or the quota on it, is full: always [`BucketError::Full`].
    #[error(transparent)]
    Full(BucketError),
    /// The bucket failed in another way.
    #[error(transparent)]
    Bucket(BucketError),
}

impl<E: Error + 'static> From<BucketError> for PutError<E> {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::Full { .. } => Self::Full(error),
            other => Self::Bucket(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_below_other_causes() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let wrapped =
            object_store::Error::Generic { store: "test", source: Box::new(io::Error::other(full)) };
        assert!(matches!(BucketError::new("write", "a/b", wrapped), BucketError::Full { .. }));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let gone = io::Error::from(io::ErrorKind::NotFound);
        assert!(matches!(BucketError::new("read", "a/b", gone), BucketError::Missing(name) if name == "a/b"));
    }
}
