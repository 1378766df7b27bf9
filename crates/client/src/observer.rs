//! What a long operation tells while it goes on.

/// A part of an operation that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Finding the snapshot and reading its index.
    Find,
    /// Fetching packs; counted in stored bytes.
    Download,
    /// Fetching paths from upstream caches; counted in bytes of NARs.
    Upstream,
    /// Writing paths; counted in bytes of NARs.
    Write,
    /// Reading, hashing, cutting and compressing paths; counted in bytes of NARs.
    Read,
    /// Sending packs; counted in stored bytes.
    Upload,
}

/// One thing that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A stage begins; `bytes` and `paths` are what it will come to as far as is known, 0 where nothing is.
    Begin {
        /// The stage.
        stage: Stage,
        /// Bytes that it will come to.
        bytes: u64,
        /// Paths that it will come to.
        paths: u64,
    },
    /// So much more of a stage was done.
    Advance {
        /// The stage.
        stage: Stage,
        /// More bytes.
        bytes: u64,
        /// More paths.
        paths: u64,
    },
    /// A stage ends.
    End {
        /// The stage.
        stage: Stage,
    },
    /// Something that the user should know although the operation goes on: one sentence, lower case, no full stop.
    Warning(String),
}

/// Who is told. Called from any thread, often; must return at once.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn tell(&self, event: Event);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Observer for Silence {
    fn tell(&self, _: Event) {}
}
