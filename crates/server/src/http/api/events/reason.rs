//! Why a lookup missed, as fields and as a sentence.

use serde_json::{Value, json};
use snowbank_catalog::rooms::{MissReason, Question, RemovalReason};

use crate::http::timestamp::rfc3339;

/// `kind` and what belongs to it, and a `message` for people.
pub(super) fn reason(reason: MissReason, question: &Question) -> Value {
    match reason {
        MissReason::BeingSaved { key, since } => json!({
            "kind": "being_saved", "key": key, "since": rfc3339(since),
            "message": format!("`{key}` was being saved just then"),
        }),
        MissReason::Unfinished { key, begun, ended } => json!({
            "kind": "unfinished", "key": key, "begun": rfc3339(begun), "ended": rfc3339(ended),
            "message": format!("the upload of `{key}` was never finished"),
        }),
        MissReason::Expired { key, at } => json!({
            "kind": "expired", "key": key, "at": rfc3339(at),
            "message": format!("`{key}` had not been used for the retention time and went"),
        }),
        MissReason::Damaged { key, at } => json!({
            "kind": "damaged", "key": key, "at": rfc3339(at),
            "message": format!("`{key}` could not be read any more and was taken away"),
        }),
        MissReason::Evicted { key, at, why, by } => json!({
            "kind": "evicted", "key": key, "at": rfc3339(at), "why": removal(why), "by": by,
            "message": format!("`{key}` went: {}", because(why)),
        }),
        MissReason::OtherVersion { key, scope, version } => json!({
            "kind": "other_version", "message": format!(
                "`{key}` is there in version {version}, and {} was asked for: paths or compression differ",
                question.version
            ),
            "key": key, "ref": scope, "version": version, "asked_version": question.version,
        }),
        MissReason::OtherScope { key, scope, version } => json!({
            "kind": "other_scope",
            "message": format!("`{key}` is there, but saved on {scope}, which this job may not restore from"),
            "key": key, "ref": scope, "version": version, "asked_version": question.version,
        }),
        MissReason::NoSuchKey { nearest } => json!({
            "kind": "no_such_key", "nearest": nearest,
            "message": "no key begins with any of those that were asked for",
        }),
    }
}

/// The word for why an entry went.
pub(super) fn removal(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::RepositoryLimit => "repository_limit",
        RemovalReason::Retention => "retention",
        RemovalReason::DiskBound => "disk_bound",
        RemovalReason::Deleted => "deleted",
        RemovalReason::Damaged => "damaged",
    }
}

fn because(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::RepositoryLimit => "the repository was over its size, and it was the longest unused",
        RemovalReason::Retention => "nobody had used it for the retention time",
        RemovalReason::DiskBound => "the server's disk was over its bound, and it was the longest unused",
        RemovalReason::Deleted => "somebody deleted it",
        RemovalReason::Damaged => "it could not be read any more",
    }
}
