//! Why something happened, in sentences: the same for programs and on pages.

use snowbank_catalog::rooms::{MissReason, Question, RemovalReason};

/// Letters of the shortest text that is taken for a hash, and those of a hash that are told.
const HASH: usize = 32;
const SHOWN: usize = 12;

/// Why a lookup missed, without a full stop.
#[must_use]
pub fn why_missed(reason: &MissReason, question: &Question) -> String {
    match reason {
        MissReason::BeingSaved { key, .. } => format!("`{key}` was being saved just then"),
        MissReason::Unfinished { key, .. } => format!("the upload of `{key}` was never finished"),
        MissReason::Expired { key, .. } => {
            format!("`{key}` had not been used for the retention time and went")
        }
        MissReason::Damaged { key, .. } => format!("`{key}` could not be read any more and was taken away"),
        MissReason::Evicted { key, why, .. } => format!("`{key}` went: {}", why_gone(*why)),
        MissReason::OtherVersion { key, version, .. } => format!(
            "`{key}` is there in version {}, and {} was asked for: paths or compression differ",
            shortened(version),
            shortened(&question.version)
        ),
        MissReason::OtherScope { key, scope, .. } => {
            format!("`{key}` is there, but saved on {scope}, which this job may not restore from")
        }
        MissReason::NoSuchKey { .. } => "no key begins with any of those that were asked for".to_owned(),
    }
}

/// A version that is a hash by its beginning; another one as it is.
fn shortened(version: &str) -> String {
    if version.len() >= HASH && version.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        format!("{}…", &version[..SHOWN])
    } else {
        version.to_owned()
    }
}

/// Why an entry went, without a full stop.
#[must_use]
pub fn why_gone(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::RepositoryLimit => "the repository was over its size, and it was the longest unused",
        RemovalReason::Retention => "nobody had used it for the retention time",
        RemovalReason::DiskBound => "the server's disk was over its bound, and it was the longest unused",
        RemovalReason::Deleted => "somebody deleted it",
        RemovalReason::Damaged => "it could not be read any more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_are_shortened() {
        assert_eq!(shortened(&"3ad75f27293d65a1".repeat(4)), "3ad75f27293d…");
        for whole in ["version-1", &"version-".repeat(9), &"ä".repeat(40)] {
            assert_eq!(shortened(whole), whole);
        }
    }
}
