//! Blobs of a stand-in, and how they get there.

use bytes::Bytes;
use hyper::Method;

use super::answers::{Answer, Broken, Question, body, refuse, reply, with};
use super::modes::{Location, Mount};
use super::state::{Session, State, take};
use super::{Shared, digest_of};

pub(super) fn answer(
    shared: &Shared,
    state: &mut State,
    question: &Question,
    (name, rest): (&str, &str),
    elsewhere: bool,
) -> Result<Answer, Broken> {
    match rest.strip_prefix("uploads/") {
        None if state.modes.blobs_elsewhere && elsewhere && question.method == Method::HEAD => Ok(reply(403)),
        None if state.modes.blobs_elsewhere && !elsewhere => {
            let location = format!("http://{}{}", shared.elsewhere, question.path);
            Ok(with(reply(307), "location", &location))
        }
        None => Ok(blob(state, question, name, rest)),
        Some("") if question.method == Method::POST => Ok(open(shared, state, question, name)),
        Some(id) => session(shared, state, question, name, id),
    }
}

fn blob(state: &State, question: &Question, name: &str, digest: &str) -> Answer {
    let found = state.blobs.get(&(name.to_owned(), digest.to_owned()));
    match (&question.method, found) {
        (&Method::HEAD, _) if state.modes.no_head => reply(405),
        (&Method::GET | &Method::HEAD, None) => refuse(404, "BLOB_UNKNOWN", "no such blob"),
        (&Method::HEAD, Some(bytes)) => {
            let answer = with(reply(200), "content-length", &bytes.len().to_string());
            with(answer, "docker-content-digest", digest)
        }
        (&Method::GET, Some(bytes)) if question.header("range") == Some("bytes=0-0") && !bytes.is_empty() => {
            let answer = with(reply(206), "content-range", &format!("bytes 0-0/{}", bytes.len()));
            body(answer, "application/octet-stream", bytes.slice(..1))
        }
        (&Method::GET, Some(bytes)) => body(reply(200), "application/octet-stream", bytes.clone()),
        _ => refuse(405, "UNSUPPORTED", "not like this"),
    }
}

fn open(shared: &Shared, state: &mut State, question: &Question, name: &str) -> Answer {
    if let (Some(digest), Some(from)) = (question.query("mount"), question.query("from")) {
        match state.modes.mount {
            Mount::Refuses(status) => return refuse(status, "DENIED", "not from there"),
            Mount::Takes => {
                if let Some(bytes) = state.blobs.get(&(from.to_owned(), digest.to_owned())).cloned() {
                    state.blobs.insert((name.to_owned(), digest.to_owned()), bytes);
                    return with(reply(201), "docker-content-digest", digest);
                }
            }
            Mount::Opens => {}
        }
    }
    let id = format!("session-{}", state.fresh());
    state.sessions.insert(id.clone(), Session::default());
    let answer = with(there(shared, state, reply(202), name, &id), "range", "0-0");
    match state.modes.least_range {
        Some(least) => with(answer, "oci-chunk-min-length", &least.to_string()),
        None => answer,
    }
}

/// An answer that says where the session lies, with a query that must come back.
fn there(shared: &Shared, state: &State, answer: Answer, name: &str, id: &str) -> Answer {
    let path = format!("/v2/{name}/blobs/uploads/{id}?state=a%2Bb");
    let location = match state.modes.location {
        Location::Absolute => format!("http://{}{path}", shared.address),
        Location::Relative => path,
        Location::Elsewhere => format!("http://{}{path}", shared.elsewhere),
    };
    with(answer, "location", &location)
}

fn session(
    shared: &Shared,
    state: &mut State,
    question: &Question,
    name: &str,
    id: &str,
) -> Result<Answer, Broken> {
    if question.method == Method::PATCH && take(&mut state.modes.forgets) {
        state.sessions.remove(id);
    }
    let modes = state.modes.clone();
    let known = question.query("state") == Some("a+b");
    let Some(session) = state.sessions.get_mut(id).filter(|_| known) else {
        return Ok(refuse(404, "BLOB_UPLOAD_UNKNOWN", "no such upload"));
    };
    match question.method {
        Method::GET => {
            let range = range(session);
            Ok(with(there(shared, state, reply(204), name, id), "range", &range))
        }
        Method::DELETE => {
            state.sessions.remove(id);
            Ok(reply(204))
        }
        Method::PATCH => {
            if let Some(text) = question.header("content-range") {
                if modes.no_ranges {
                    return Ok(refuse(400, "UNSUPPORTED", "ranges are not taken"));
                }
                if question.cut.is_none()
                    && let Some(answer) =
                        check_range(session, text, question.body.len() as u64, modes.most_range)
                {
                    return Ok(answer);
                }
                session.short |= modes.least_range.is_some_and(|least| (question.body.len() as u64) < least);
            }
            if question.cut.is_none_or(|cut| cut.keeps) {
                session.bytes.extend_from_slice(&question.body);
            }
            if question.cut.is_some() {
                return Err(Broken);
            }
            let range = range(session);
            Ok(with(there(shared, state, reply(202), name, id), "range", &range))
        }
        Method::PUT => close(state, question, name, id),
        _ => Ok(refuse(405, "UNSUPPORTED", "not like this")),
    }
}

fn range(session: &Session) -> String {
    format!("0-{}", session.bytes.len().saturating_sub(1))
}

/// A range must begin where the last one ended, be as long as it says, and not too long nor after a short one.
fn check_range(session: &Session, text: &str, length: u64, most: Option<u64>) -> Option<Answer> {
    let parsed =
        text.split_once('-').and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?)));
    let Some((first, last)) = parsed else { return Some(refuse(400, "BLOB_UPLOAD_INVALID", "no range")) };
    let answer = with(refuse(416, "RANGE_INVALID", "out of order"), "range", &range(session));
    if let Some(most) = most.filter(|&most| length > most) {
        let text = format!("chunk exceeds the limit of {:.2}MiB", most as f64 / 1_048_576.0);
        return Some(refuse(416, "REQUESTED_RANGE_NOT_SATISFIABLE", &text));
    }
    if session.short {
        return Some(refuse(400, "BLOB_UPLOAD_INVALID", "a part before was too small"));
    }
    (first != session.bytes.len() as u64 || last + 1 != first + length).then_some(answer)
}

fn close(state: &mut State, question: &Question, name: &str, id: &str) -> Result<Answer, Broken> {
    let Some(digest) = question.query("digest") else {
        return Ok(refuse(400, "DIGEST_INVALID", "there is no digest"));
    };
    let mut bytes = state.sessions.remove(id).unwrap_or_default().bytes;
    bytes.extend_from_slice(&question.body);
    if digest_of(&bytes) != digest {
        return Ok(refuse(400, "DIGEST_INVALID", "it has another digest"));
    }
    state.blobs.insert((name.to_owned(), digest.to_owned()), Bytes::from(bytes));
    if take(&mut state.modes.silent_closes) {
        return Err(Broken);
    }
    let said = if state.modes.wrong_digest { digest_of(b"another") } else { digest.to_owned() };
    Ok(with(reply(201), "docker-content-digest", &said))
}
