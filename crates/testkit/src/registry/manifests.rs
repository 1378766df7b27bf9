//! Manifests of a stand-in.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::answers::{Answer, Question, body, refuse, reply, with};
use super::digest_of;
use super::modes::Garbage;
use super::state::State;

pub(super) fn answer(state: &mut State, question: &Question, name: &str, reference: &str) -> Answer {
    let digest = reference.strip_prefix("sha256-").filter(|_| state.modes.digests_for_tags);
    let reference = digest.map_or_else(|| reference.to_owned(), |hex| format!("sha256:{hex}"));
    let key = (name.to_owned(), reference);
    match question.method {
        Method::HEAD if state.modes.no_head => reply(405),
        Method::GET | Method::HEAD => {
            let Some((kind, bytes)) = state.manifests.get(&key) else {
                return refuse(404, "MANIFEST_UNKNOWN", "no such manifest");
            };
            let digest = digest_of(bytes);
            let answer = with(reply(200), "docker-content-digest", &digest);
            if question.method == Method::HEAD {
                let answer = with(answer, "content-length", &bytes.len().to_string());
                return with(answer, "content-type", kind);
            }
            match state.modes.garbage {
                None => body(answer, kind, bytes.clone()),
                Some(Garbage::OtherBytes) => body(answer, kind, "{}"),
                Some(Garbage::LongBody) => body(answer, kind, vec![b' '; 5 << 20]),
                Some(Garbage::LongHeaders) => with(body(answer, kind, "{}"), "x-long", &"x".repeat(2 << 20)),
            }
        }
        Method::PUT => put(state, question, key),
        _ => refuse(405, "UNSUPPORTED", "not like this"),
    }
}

/// The tags of a repository, in the order of their letters.
pub(super) fn tags(state: &State, name: &str) -> Answer {
    if state.modes.no_list {
        return refuse(403, "DENIED", "tags are not listed");
    }
    let of_name = state.manifests.keys().filter(|(repository, _)| repository == name);
    let tags: Vec<_> = of_name.map(|(_, tag)| tag).filter(|tag| !tag.starts_with("sha256:")).collect();
    if tags.is_empty() {
        return refuse(404, "NAME_UNKNOWN", "no such repository");
    }
    body(reply(200), "application/json", json!({"name": name, "tags": tags}).to_string())
}

/// What is attached to a manifest, as a registry that keeps referrers lists it.
pub(super) fn referrers(state: &State, name: &str, subject: &str) -> Answer {
    let of_name = state.manifests.iter().filter(|((repository, _), _)| repository == name);
    let by_digest = of_name.filter(|((_, reference), _)| reference.starts_with("sha256:"));
    let entries = by_digest.filter_map(|((_, digest), (kind, bytes))| {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        (json["subject"]["digest"] == subject).then(|| {
            let artifact = &json["artifactType"];
            let kind_of = if artifact.is_null() { &json["config"]["mediaType"] } else { artifact };
            let annotations = json.get("annotations").cloned().unwrap_or_else(|| json!({}));
            json!({"mediaType": kind, "digest": digest, "size": bytes.len(), "artifactType": kind_of,
                "annotations": annotations})
        })
    });
    let kind = "application/vnd.oci.image.index.v1+json";
    let entries: Vec<_> = entries.collect();
    let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries});
    body(reply(200), kind, index.to_string())
}

fn put(state: &mut State, question: &Question, key: (String, String)) -> Answer {
    let bytes = &question.body;
    let digest = digest_of(bytes);
    if key.1.starts_with("sha256:") && key.1 != digest {
        return refuse(400, "DIGEST_INVALID", "it has another digest");
    }
    let Some(kind) = question.header("content-type") else {
        return refuse(400, "MANIFEST_INVALID", "it has no media type");
    };
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else {
        return refuse(400, "MANIFEST_INVALID", "it is no JSON");
    };
    if json.get("mediaType").is_some_and(|stated| stated != kind) {
        return refuse(400, "MANIFEST_INVALID", "it says another media type");
    }
    for gone in std::mem::take(&mut state.modes.vanishing) {
        state.blobs.remove(&(key.0.clone(), gone));
    }
    let layers = json.get("layers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = layers.iter().chain(json.get("config")).filter_map(|one| one.get("digest")?.as_str());
    if state.modes.loses {
        state.blobs.retain(|(name, _), _| *name != key.0);
    }
    let missing: Vec<_> =
        named.filter(|digest| !state.blobs.contains_key(&(key.0.clone(), (*digest).to_owned()))).collect();
    if !missing.is_empty() {
        let silent = state.modes.no_detail;
        let detail = |digest: &&str| if silent { Value::Null } else { json!({"digest": digest}) };
        let errors: Vec<_> = missing
            .iter()
            .map(|digest| json!({"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown", "detail": detail(digest)}))
            .collect();
        return body(reply(404), "application/json", json!({"errors": errors}).to_string());
    }
    let entry = (kind.to_owned(), Bytes::clone(bytes));
    state.manifests.insert((key.0.clone(), digest.clone()), entry.clone());
    state.manifests.insert(key, entry);
    let answer = with(reply(201), "docker-content-digest", &digest);
    match json.get("subject").and_then(|subject| subject.get("digest")?.as_str()) {
        Some(subject) if state.modes.referrers => with(answer, "oci-subject", subject),
        _ => answer,
    }
}
