//! The dashboard: pages for people, made on the server. They ask no other host for anything and run no script.
//!
//! A page is a file here: its handler asks [`Service`] and writes the page with what [`layout`] and [`parts`] give. It gets
//! whoever looks from [`guest`], and a failure of any kind becomes a page by [`failure`].

mod assets;
mod cache;
mod charts;
mod delete;
mod events;
mod failure;
mod form;
mod going;
mod guest;
mod headers;
mod images;
mod layout;
mod overview;
mod parts;
mod query;
mod repository;
mod same_origin;
mod series;
mod session;
mod sign_in;

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};

use crate::http::calls::Calls;
use failure::Failure;

/// Every page. What changes something is a POST, and only pages of this server can send it: see [`same_origin`].
pub(crate) fn routes() -> Calls {
    Calls::default()
        .get("/", overview::page)
        .get("/next", going::of_server)
        .get("/events", events::of_server)
        .get("/images", images::of_server)
        .get("/r/{owner}/{name}", repository::page)
        .get("/r/{owner}/{name}/next", going::of_repository)
        .get("/r/{owner}/{name}/events", events::of_repository)
        .get("/r/{owner}/{name}/images", images::of_repository)
        .get("/r/{owner}/{name}/s/{series}", series::page)
        .post("/r/{owner}/{name}/delete", delete::delete)
        .get("/c/{name}", cache::page)
        .get("/sign-in", sign_in::page)
        .post("/sign-in", sign_in::sign_in)
        .post("/sign-out", sign_in::sign_out)
        .with(|router| {
            router
                .method_not_allowed_fallback(async || Failure::no_such_method())
                .layer(Extension(Arc::new(sign_in::Door::default())))
                .layer(from_fn(same_origin::check))
                .layer(from_fn(headers::set))
        })
        // What is the same for everybody has headers of its own.
        .get("/static/{file}", assets::file)
}

/// Whether somebody looks at this with a browser.
pub(crate) fn is_for_people(method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    matches!(*method, Method::GET | Method::HEAD) && accept.contains("text/html")
}

/// The page of an address that means nothing.
pub(crate) fn nothing_here() -> Response {
    headers::with(Failure::not_found("There is no page at this address.").into_response())
}
