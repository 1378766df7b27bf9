//! Answers and their bodies, none of them trusted.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::error::RegistryError;
use super::retry::{retry_after, retry_after_in_text};
use crate::digest::Digest;

/// The header that names what was found or kept.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Bytes of an error's body that are read.
const MAX_ERROR: u64 = 64 << 10;

/// Characters of an error that are shown.
const MAX_SHOWN: usize = 300;

/// Digests that are taken from an error's details.
const MAX_DIGESTS: usize = 1024;

/// An answer that says no.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its status.
    pub status: StatusCode,
    /// The codes of the errors it lists (distribution specification, section Error Codes).
    pub codes: Vec<String>,
    /// What it says, made fit to be shown.
    pub message: String,
    /// How long it asks to be left alone.
    pub wait: Option<Duration>,
    /// The blobs that it names.
    pub digests: Vec<Digest>,
}

impl Refusal {
    /// Whether it lists this error.
    pub(super) fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|one| one == code)
    }

    /// Reads an answer's body, as far as it may go, for what it says.
    pub(super) async fn of(answer: Response, idle: Duration) -> Self {
        let (status, headers) = (answer.status(), answer.headers().clone());
        // The status alone says enough.
        let body = whole(answer, MAX_ERROR, idle).await.unwrap_or_default();
        Self::parse(status, &headers, &body)
    }

    /// Reads what an answer says.
    #[must_use]
    pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let errors = json.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let codes: Vec<_> = errors.iter().take(16).filter_map(|error| text(error, "code")).collect();
        let codes = codes.into_iter().map(|code| shown(&code)).collect();
        let mut digests = Vec::new();
        for error in errors {
            collect_digests(error.get("detail").unwrap_or(&Value::Null), 4, &mut digests);
        }
        let said: Vec<_> = errors.iter().filter_map(|error| text(error, "message")).collect();
        let message = match said.as_slice() {
            [] => text(&json, "message")
                .or_else(|| text(&json, "error_description"))
                .or_else(|| text(&json, "details"))
                .unwrap_or_else(|| plain_text(headers, body)),
            said => said.join("; "),
        };
        let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header
            .and_then(|header| retry_after(header, SystemTime::now()))
            .or_else(|| retry_after_in_text(&message));
        Self { status, codes, message: shown(&message), wait, digests }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the registry answered {}", self.status)?;
        for part in self.codes.iter().chain([&self.message]).filter(|part| !part.is_empty()) {
            write!(f, ": {part}")?;
        }
        Ok(())
    }
}

/// What is no JSON is shown if it is plain text; a page is not.
fn plain_text(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/plain") { String::from_utf8_lossy(body).into_owned() } else { String::new() }
}

fn collect_digests(value: &Value, depth: u32, into: &mut Vec<Digest>) {
    match value {
        Value::String(text) if into.len() < MAX_DIGESTS => {
            into.extend(text.parse::<Digest>().ok().filter(|digest| !into.contains(digest)));
        }
        Value::Array(items) if depth > 0 => {
            items.iter().for_each(|item| collect_digests(item, depth - 1, into));
        }
        Value::Object(items) if depth > 0 => {
            items.values().for_each(|item| collect_digests(item, depth - 1, into));
        }
        _ => {}
    }
}

/// A foreign text as it may be shown: one line, no control characters, not long.
pub(super) fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = clean.take(MAX_SHOWN).collect();
    short.trim().to_owned()
}

/// A header's text, empty where there is none.
pub(super) fn header(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The length that an answer says its body has, be it sent or not.
pub(super) fn stated_length(headers: &HeaderMap) -> Option<u64> {
    header(headers, CONTENT_LENGTH).parse().ok()
}

/// Holds an answer to the digest that is meant, where it names one.
pub(super) fn check_digest(headers: &HeaderMap, wanted: &Digest) -> Result<(), RegistryError> {
    let got = header(headers, CONTENT_DIGEST);
    if got.is_empty() || got == wanted.to_string() || !got.starts_with("sha256:") {
        return Ok(());
    }
    Err(RegistryError::WrongDigest { wanted: *wanted, got: shown(got) })
}

/// The whole body, of at most `most` bytes, held in memory; `idle` bounds the wait for each part of it.
pub(super) async fn whole(mut answer: Response, most: u64, idle: Duration) -> Result<Bytes, RegistryError> {
    if stated_length(answer.headers()).is_some_and(|length| length > most) {
        return Err(RegistryError::TooLarge(most));
    }
    let mut body = Vec::new();
    loop {
        let part = timeout(idle, answer.chunk()).await.map_err(|_| RegistryError::Stalled(idle))?;
        let Some(part) = part.map_err(RegistryError::http)? else { return Ok(body.into()) };
        if (body.len() + part.len()) as u64 > most {
            return Err(RegistryError::TooLarge(most));
        }
        body.extend_from_slice(&part);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(body: &str) -> Refusal {
        Refusal::parse(StatusCode::NOT_FOUND, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn codes_messages_and_digests_are_read() {
        let digest = Digest::of(b"x");
        let said = refusal(&format!(
            r#"{{"errors":[{{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown\u0007 to registry","detail":{{"digest":"{digest}"}}}}]}}"#
        ));
        assert!(said.has("MANIFEST_BLOB_UNKNOWN"));
        assert_eq!(said.digests, [digest]);
        assert_eq!(
            said.to_string(),
            "the registry answered 404 Not Found: MANIFEST_BLOB_UNKNOWN: blob unknown  to registry"
        );
    }

    #[test]
    fn what_is_no_json_is_not_shown_unless_it_is_text() {
        assert_eq!(refusal("<html>").to_string(), "the registry answered 404 Not Found");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(9999));
        assert_eq!(refusal(&long).message.len(), MAX_SHOWN);
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_shown_within_bounds(body in any::<String>(), message in any::<String>()) {
            let json = serde_json::json!({"errors": [{"code": message, "message": message, "detail": message}]});
            for said in [refusal(&body), refusal(&json.to_string())] {
                let shown = said.to_string();
                prop_assert!(!shown.chars().any(char::is_control));
                prop_assert!(shown.chars().count() < 2 * MAX_SHOWN + 80);
            }
        }
    }
}
