//! The style sheet and the picture in the browser's tab: part of the program, and each under a name that changes with it, so
//! that a browser may keep it for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// Where the style sheet is.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("style", STYLE, "css"));
/// Where the picture is.
pub(super) static ICON_PATH: LazyLock<String> = LazyLock::new(|| path("icon", ICON, "svg"));

fn path(name: &str, content: &str, kind: &str) -> String {
    format!("/static/{name}-{}.{kind}", &hex::encode(Sha256::digest(content))[..12])
}

/// `GET /static/<name>`.
pub(super) async fn file(Path(name): Path<String>) -> Response {
    let is = |path: &str| path.strip_prefix("/static/") == Some(name.as_str());
    let (kind, content) = if is(&STYLE_PATH) {
        ("text/css; charset=utf-8", STYLE)
    } else if is(&ICON_PATH) {
        ("image/svg+xml", ICON)
    } else {
        return super::nothing_here();
    };
    let kept = "public, max-age=31536000, immutable";
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, kept), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, content).into_response()
}
