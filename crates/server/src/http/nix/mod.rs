//! Nix's binary cache protocol at `/nix/<cache>/`: unmodified `nix` pulls from it and pushes to it.

mod failure;
mod put;

use axum::extract::{Path, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_binary_cache::{FORMS, File, respond};

use super::calls::{Call, Calls};
use super::site::Site;
use crate::service::{CacheView, Outcome, Service};
use failure::Failure;

/// The files of every cache.
pub(super) fn routes() -> Calls {
    let of = |form: &&str| ["GET", "PUT"].map(|method| Call::new(method, format!("/{{cache}}/{form}")));
    let files = FORMS.iter().flat_map(of);
    Calls::default().nothing("/{cache}", call).nothing("/{cache}/", call).all("/{cache}/{*path}", file, files)
}

/// The cache itself is no file.
async fn call(
    State(service): State<Service>,
    site: Site,
    Path(cache): Path<String>,
) -> Result<Response, Failure> {
    site.cache(&service, &cache).await?;
    Err(Failure::no_such_file())
}

async fn file(
    State(service): State<Service>,
    site: Site,
    Path((cache, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let view = site.cache(&service, &cache).await?;
    let file = File::parse(&path).ok_or_else(Failure::no_such_file)?;
    match *request.method() {
        Method::GET => {
            let answer = respond(&view, &file, request.method(), request.headers()).await;
            looked_up(&service, &site, &file, answer.status());
            Ok(answer)
        }
        Method::HEAD => {
            let answer = head(&view, &file, request.headers()).await?;
            looked_up(&service, &site, &file, answer.status());
            Ok(answer)
        }
        Method::PUT => put::put(&service, &view, file, request).await,
        _ => {
            let allow = [(ALLOW, HeaderValue::from_static("GET, HEAD, PUT"))];
            Ok((StatusCode::METHOD_NOT_ALLOWED, allow).into_response())
        }
    }
}

/// A path's info is what Nix looks up; what it does then follows from that.
fn looked_up(service: &Service, site: &Site, file: &File, status: StatusCode) {
    match (file, status) {
        (File::Info(_), StatusCode::OK | StatusCode::NOT_MODIFIED) => site.looked_up(service, Outcome::Hit),
        (File::Info(_), StatusCode::NOT_FOUND) => site.looked_up(service, Outcome::Miss),
        _ => {}
    }
}

/// Nix asks for the head of a NAR before it pushes one, and pushes none that is there.
async fn head(view: &CacheView, file: &File, headers: &HeaderMap) -> Result<Response, Failure> {
    let answer = respond(view, file, &Method::HEAD, headers).await;
    let name = match file {
        File::Nar(name) => name.to_string(),
        File::Plain(plain) => plain.to_string(),
        File::Pushed(name) => name.clone(),
        File::About | File::Info(_) | File::Listing(_) | File::Kept(_) => return Ok(answer),
    };
    if answer.status() == StatusCode::NOT_FOUND && view.waits(&name).await? {
        return Ok(StatusCode::OK.into_response());
    }
    Ok(answer)
}
