//! Who answers what.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use hyper::{Method, Request, Response};
use serde_json::json;

use super::modes::Cut;
use super::state::{Logged, State, take};
use super::{Shared, admission, manifests, uploads};

/// An answer of the stand-in.
pub(super) type Answer = Response<Full<Bytes>>;

/// The connection breaks instead of an answer.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is to break")
    }
}

impl std::error::Error for Broken {}

/// What is asked, its body read.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body broke off, and what came of it is kept or not.
    pub(super) cut: Option<Cut>,
}

impl Question {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Answers and logs.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    elsewhere: bool,
) -> Result<Answer, Broken> {
    let (parts, body) = request.into_parts();
    let mut logged = Logged {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        status: 0,
        bytes: 0,
        authorized: parts.headers.contains_key(AUTHORIZATION),
        elsewhere,
        range: parts.headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        sized: parts.headers.contains_key(CONTENT_LENGTH),
    };
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut question = Question {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: query.into_owned().collect(),
        headers: parts.headers,
        body: Bytes::new(),
        cut: None,
    };
    let answered = answer_one(&shared, &mut question, body, elsewhere).await;
    logged.bytes = question.body.len() as u64;
    logged.status = answered.as_ref().map_or(0, |answer| answer.status().as_u16());
    shared.state().log.push(logged);
    answered
}

async fn answer_one(
    shared: &Shared,
    question: &mut Question,
    body: Incoming,
    elsewhere: bool,
) -> Result<Answer, Broken> {
    // Whoever is not let in need not send the rest.
    if let Some(answer) = early(shared, &mut shared.state(), question, elsewhere) {
        return Ok(answer);
    }
    let uploads = question.method == Method::PATCH
        || (question.method == Method::PUT && question.path.contains("/blobs/"));
    let (most, cut, hangs) = {
        let modes = &mut shared.state().modes;
        let big = question.method == Method::PATCH;
        let cut = (big && !modes.cuts.is_empty()).then(|| modes.cuts.remove(0));
        (modes.most_body.filter(|_| uploads), cut, uploads && take(&mut modes.hangs))
    };
    question.cut = cut;
    match read(body, most, cut).await? {
        Some(body) => question.body = body,
        None => return Ok(refuse(413, "", "too large")),
    }
    if hangs {
        std::future::pending::<Infallible>().await;
    }
    let mut state = shared.state();
    if question.path == "/token" {
        return Ok(admission::token(&mut state, question));
    }
    let Some(rest) = question.path.strip_prefix("/v2/").map(str::to_owned) else {
        return Ok(refuse(404, "", "no such page"));
    };
    if rest.is_empty() {
        return Ok(reply(200));
    }
    if let Some((name, rest)) = rest.split_once("/blobs/") {
        return uploads::answer(shared, &mut state, question, (name, rest), elsewhere);
    }
    if let Some((name, reference)) = rest.split_once("/manifests/") {
        return Ok(manifests::answer(&mut state, question, name, reference));
    }
    if let Some((name, subject)) = rest.split_once("/referrers/").filter(|_| state.modes.referrers) {
        return Ok(manifests::referrers(&state, name, subject));
    }
    if rest.contains("/referrers/") && state.modes.referrers_elsewhere {
        return Ok(with(reply(303), "location", &format!("http://{}/page", shared.elsewhere)));
    }
    match rest.strip_suffix("/tags/list") {
        Some(name) if question.method == Method::GET => Ok(manifests::tags(&state, name)),
        _ => Ok(refuse(404, "UNSUPPORTED", "there is no such thing")),
    }
}

/// What is answered before the body is looked at.
fn early(shared: &Shared, state: &mut State, question: &Question, elsewhere: bool) -> Option<Answer> {
    if question.path == "/token" {
        return None;
    }
    if take(&mut state.modes.busy) {
        return Some(refuse(429, "TOOMANYREQUESTS", "retry-after: 10.3ms, allowed: 2000/minute"));
    }
    if take(&mut state.modes.unwell) {
        return Some(refuse(503, "", "not now"));
    }
    if elsewhere {
        return None;
    }
    admission::check(shared, state, question)
}

/// The whole body; none where it is longer than it may be.
async fn read(mut body: Incoming, most: Option<u64>, cut: Option<Cut>) -> Result<Option<Bytes>, Broken> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Broken)?.into_data() else { continue };
        bytes.extend_from_slice(&data);
        if most.is_some_and(|most| bytes.len() as u64 > most) {
            return Ok(None);
        }
        if let Some(cut) = cut.filter(|cut| bytes.len() >= cut.after) {
            bytes.truncate(cut.after);
            break;
        }
    }
    Ok(Some(bytes.into()))
}

/// An answer without a body.
pub(super) fn reply(status: u16) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status.try_into().expect("a status");
    answer
}

/// An answer with a header more.
pub(super) fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers_mut().insert(name, value.parse().expect("a header's value"));
    answer
}

/// An answer with this body.
pub(super) fn body(answer: Answer, kind: &str, bytes: impl Into<Bytes>) -> Answer {
    let answer = answer.map(|_| Full::new(bytes.into()));
    with(answer, "content-type", kind)
}

/// A refusal as registries write it.
pub(super) fn refuse(status: u16, code: &str, message: &str) -> Answer {
    let json = json!({"errors": [{"code": code, "message": message}]});
    body(reply(status), "application/json", json.to_string())
}
