//! What went wrong, as a page.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::layout::{Place, page};
use super::query::Params;
use crate::http::fault;
use crate::service::{Kind, ServiceError};

/// A page that cannot be shown, or a form that could not be done.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    /// Where to go instead.
    to: Option<HeaderValue>,
}

impl Failure {
    /// `message` is a sentence for people.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), to: None }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn no_such_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This address is not made to be opened in this way.")
    }

    /// Leads to where one signs in, and from there to `back`, a path of this server.
    pub(super) fn sign_in_first(back: &str) -> Self {
        let to = if back == "/" {
            "/sign-in".to_owned()
        } else {
            format!("/sign-in{}", Params::default().with("to", back))
        };
        let to = HeaderValue::try_from(to).ok();
        Self { status: StatusCode::SEE_OTHER, message: "Sign in first.".to_owned(), to }
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::UNAUTHORIZED | StatusCode::SEE_OTHER => "Not signed in",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            StatusCode::SERVICE_UNAVAILABLE => "Not available",
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
            _ => "This did not work",
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        fault::report(&error);
        let status = match error.kind() {
            Kind::InvalidArgument | Kind::FailedPrecondition => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::PermissionDenied => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::AlreadyExists => StatusCode::CONFLICT,
            Kind::ResourceExhausted { .. } => StatusCode::TOO_MANY_REQUESTS,
            Kind::OutOfSpace => StatusCode::INSUFFICIENT_STORAGE,
            Kind::BodyCut => StatusCode::REQUEST_TIMEOUT,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, sentence(&error.to_string()))
    }
}

/// A message of the service as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let place = Place { title: self.title(), above: &[], identity: None };
        let body = page(
            &place,
            &html! {
                section.notice {
                    p.lead { (self.message) }
                    p {
                        a href="/" { "Go to the overview" }
                        @if self.status == StatusCode::UNAUTHORIZED || self.status == StatusCode::NOT_FOUND {
                            " or " a href="/sign-in" { "sign in with another token" }
                        }
                        "."
                    }
                    p.muted { "Status " (self.status.as_u16()) }
                }
            },
        );
        let mut response = (self.status, body).into_response();
        if let Some(to) = self.to {
            response.headers_mut().insert(LOCATION, to);
        }
        response
    }
}
