//! The dashboard, as a browser asks for it.

mod deletion;
mod events;
mod pages;
mod safety;
mod sessions;
pub(crate) mod stock;

use url::form_urlencoded::Serializer;

use crate::support::{Answer, Server};

/// What a browser says of a page that it opens.
const OPENS: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A page as whoever has this cookie gets it.
async fn open(server: &Server, cookie: &str, target: &str) -> Answer {
    server.bare("GET", target, &[OPENS, ("Cookie", cookie)], b"").await
}

/// The text of a page that is there.
async fn shown(server: &Server, cookie: &str, target: &str) -> String {
    let answer = open(server, cookie, target).await;
    assert_eq!(answer.status, 200, "{target}: {answer:?}");
    answer.text()
}

/// A form that a page of the server sends.
async fn send(server: &Server, cookie: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    server.bare("POST", target, &[FORM, OURS, ("Cookie", cookie)], body.as_bytes()).await
}

/// Signs in, and gives back the cookie.
async fn signed_in(server: &Server, token: &str) -> String {
    let answer = send(server, "", "/sign-in", &[("token", token)]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}
