//! The frame of every page.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::assets::{ICON_PATH, STYLE_PATH};
use crate::service::Identity;

/// Where a page is, and who looks at it.
pub(super) struct Place<'a> {
    /// Its heading.
    pub(super) title: &'a str,
    /// What stands above it on the way from the overview: a path and a name each.
    pub(super) above: &'a [(String, String)],
    /// Who is signed in.
    pub(super) identity: Option<&'a Identity>,
}

/// The overview, as what is above a page.
pub(super) fn to_overview() -> (String, String) {
    ("/".to_owned(), "Overview".to_owned())
}

/// A repository's page (`owner/name`), as what is above one.
pub(super) fn to_repository(name: &str) -> (String, String) {
    (format!("/r/{name}"), name.to_owned())
}

/// A page.
pub(super) fn page(place: &Place<'_>, content: &Markup) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (place.title) " · Snowbank" }
                link rel="icon" type="image/svg+xml" href=(*ICON_PATH);
                link rel="stylesheet" href=(*STYLE_PATH);
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top { (banner(place)) }
                main #main tabindex="-1" {
                    (way(place))
                    h1 { (place.title) }
                    (content)
                }
                footer.bottom {
                    p { "Snowbank " (env!("CARGO_PKG_VERSION")) " · times are relative to when the page was made" }
                }
            }
        }
    };
    Html(markup.into_string())
}

fn banner(place: &Place<'_>) -> Markup {
    html! {
        a.brand href="/" {
            img src=(*ICON_PATH) alt="" width="24" height="24";
            span { "Snowbank" }
        }
        nav aria-label="Main" {
            a href="/" { "Overview" }
            @if place.identity.is_some_and(Identity::is_admin) {
                a href="/events" { "What happened" }
                a href="/images" { "Image pushes" }
                a href="/next" { "What goes next" }
            }
        }
        div.who {
            @match place.identity {
                Some(identity) => {
                    span.muted { (bearer(identity)) }
                    @if !matches!(identity, Identity::Trusted { .. }) {
                        form method="post" action="/sign-out" { button.quiet type="submit" { "Sign out" } }
                    }
                }
                None => { a href="/sign-in" { "Sign in" } }
            }
        }
    }
}

/// Who is signed in, in a few words.
fn bearer(identity: &Identity) -> String {
    match identity {
        Identity::Admin { .. } => "Administrator".to_owned(),
        Identity::Job { repository, .. } => repository.clone(),
        Identity::Trusted { .. } => "On this machine".to_owned(),
        Identity::Caches { .. } => "Binary caches".to_owned(),
        Identity::Manager { .. } => "Caches of repositories".to_owned(),
    }
}

fn way(place: &Place<'_>) -> Markup {
    html! {
        @if !place.above.is_empty() {
            nav.way aria-label="Where this page is" {
                ol {
                    @for (path, name) in place.above { li { a href=(path) { (name) } } }
                }
            }
        }
    }
}
