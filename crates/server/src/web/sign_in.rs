//! Signing in with a token, and out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::html;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::form::{Form, own_path};
use super::guest::Guest;
use super::layout::{Place, page as framed};
use super::query::Params;
use super::session::Sessions;
use crate::service::{Kind, Service};

/// Refused attempts that wait for their answer at once, and how long each waits: 32 attempts a second in all. A token is a
/// signature of 256 bits, so this is against load and noise, not for the secrecy of tokens.
const WAITING: usize = 16;
const WAIT: Duration = Duration::from_millis(500);

/// Where those wait whose token was refused.
pub(super) struct Door(Semaphore);

impl Default for Door {
    fn default() -> Self {
        Self(Semaphore::new(WAITING))
    }
}

impl Door {
    /// Waits a while, unless too many do already.
    async fn refuse(&self) -> Result<(), Failure> {
        let Ok(_place) = self.0.try_acquire() else {
            let message = "Too many wrong tokens are being tried at once. Wait a moment and try again.";
            return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, message));
        };
        tokio::time::sleep(WAIT).await;
        Ok(())
    }
}

/// `GET /sign-in?to=PATH`.
pub(super) async fn page(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    guest: Guest,
) -> Html<String> {
    let params = Params::read(&query.unwrap_or_default(), &["to"]);
    form(&service, &guest, params.get("to"), None)
}

/// `POST /sign-in` with `token` and `to`.
pub(super) async fn sign_in(
    State(service): State<Service>,
    Extension(door): Extension<Arc<Door>>,
    guest: Guest,
    body: Body,
) -> Result<Response, Failure> {
    let sent = Form::read(&service, body).await?;
    let to = sent.get("to").and_then(own_path);
    let token = sent.get("token").unwrap_or_default().trim();
    let refused = match service.sign_in(token).await {
        Ok(_) => None,
        Err(error) if error.kind() == Kind::Unauthenticated => Some(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    if let Some(why) = refused {
        door.refuse().await?;
        let why = if token.is_empty() { "no token was sent".to_owned() } else { why };
        return Ok((StatusCode::UNAUTHORIZED, form(&service, &guest, to, Some(&why))).into_response());
    }
    let Some(cookie) = Sessions::of(&service).begin(token, service.now().await?.0 / 1000) else {
        let why = "the token is too long for a browser to keep; make one with fewer rights";
        return Ok((StatusCode::BAD_REQUEST, form(&service, &guest, to, Some(why))).into_response());
    };
    Ok(led(to.unwrap_or("/"), Some(cookie)))
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(service): State<Service>) -> Response {
    led("/sign-in", Sessions::of(&service).end())
}

/// To another page, by GET.
pub(super) fn led(to: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/")));
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    response
}

fn form(service: &Service, guest: &Guest, to: Option<&str>, refused: Option<&str>) -> Html<String> {
    let public = service.settings().caches.iter().filter(|(_, settings)| settings.public);
    let public: Vec<&String> = public.map(|(name, _)| name).collect();
    let place = Place { title: "Sign in", above: &[], identity: guest.identity() };
    framed(
        &place,
        &html! {
            form.card.narrow method="post" action="/sign-in" {
                @if let Some(why) = refused {
                    p.error #why role="alert" { "You were not signed in: " (why) "." }
                }
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="current-password"
                    spellcheck="false" autocapitalize="off" aria-describedby="hint"
                    aria-invalid=[refused.map(|_| "true")];
                p.muted #hint {
                    "One of this server: " code { "snowbank token create --admin" } " sees everything, a job's token \
                     its repository, a token for binary caches those caches."
                }
                @if let Some(to) = to { input type="hidden" name="to" value=(to); }
                button.primary type="submit" { "Sign in" }
            }
            @if !public.is_empty() {
                section {
                    h2 { "Open to everybody" }
                    ul { @for name in public { li { a href={ "/c/" (name) } { (name) } } } }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait_at_the_door() {
        let door = Arc::new(Door::default());
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let door = Arc::clone(&door);
                tokio::spawn(async move { door.refuse().await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(door.refuse().await.is_err());
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        assert!(door.refuse().await.is_ok());
    }
}
