//! Why a lookup missed, as fields and as a sentence.

use serde_json::{Value, json};
use snowbank_catalog::rooms::{MissReason, Question, RemovalReason};

use crate::http::timestamp::rfc3339;
use crate::service::why_missed;

/// `kind` and what belongs to it, and a `message` for people.
pub(super) fn reason(reason: MissReason, question: &Question) -> Value {
    let message = why_missed(&reason, question);
    let mut fields = match reason {
        MissReason::BeingSaved { key, since } => {
            json!({ "kind": "being_saved", "key": key, "since": rfc3339(since) })
        }
        MissReason::Unfinished { key, begun, ended } => {
            json!({ "kind": "unfinished", "key": key, "begun": rfc3339(begun), "ended": rfc3339(ended) })
        }
        MissReason::Expired { key, at } => json!({ "kind": "expired", "key": key, "at": rfc3339(at) }),
        MissReason::Damaged { key, at } => json!({ "kind": "damaged", "key": key, "at": rfc3339(at) }),
        MissReason::Evicted { key, at, why, by } => {
            json!({ "kind": "evicted", "key": key, "at": rfc3339(at), "why": removal(why), "by": by })
        }
        MissReason::OtherVersion { key, scope, version } => json!({
            "kind": "other_version", "key": key, "ref": scope, "version": version,
            "asked_version": question.version,
        }),
        MissReason::OtherScope { key, scope, version } => json!({
            "kind": "other_scope", "key": key, "ref": scope, "version": version,
            "asked_version": question.version,
        }),
        MissReason::NoSuchKey { nearest } => json!({ "kind": "no_such_key", "nearest": nearest }),
    };
    fields["message"] = message.into();
    fields
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
