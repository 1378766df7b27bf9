//! What a pull came to.

use crate::restore;

/// What a pull did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was restored, and what was not.
    pub restore: restore::Report,
    /// Bytes of frames that the cache sent.
    pub downloaded: u64,
    /// Bytes of chunks that were taken from local files.
    pub local: u64,
}

/// What was pulled.
pub struct Pulled {
    /// What was done.
    pub report: Report,
    /// Keeps all that was wanted from the garbage collector until it is dropped.
    pub held: Box<dyn Send + Sync>,
}

/// What two rounds came to: the second found what the first restored.
pub(super) fn united(first: &restore::Report, second: restore::Report) -> restore::Report {
    let sum = |one: restore::Paths, other: restore::Paths| restore::Paths {
        count: one.count + other.count,
        bytes: one.bytes + other.bytes,
    };
    restore::Report {
        found: first.found,
        restored: sum(first.restored, second.restored),
        upstream: sum(first.upstream, second.upstream),
        others: sum(first.others, second.others),
        downloaded: first.downloaded + second.downloaded,
        received: first.received + second.received,
        requests: first.requests + second.requests,
        looking: first.looking + second.looking,
        writing: first.writing + second.writing,
        ..second
    }
}
