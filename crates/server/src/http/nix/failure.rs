//! Failures as Nix shows them: a status, and a line of text that it prints behind it.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::body::ReadError;
use crate::http::content_type::PLAIN;
use crate::http::fault;
use crate::service::{BodyError, Kind, ServiceError};

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn no_such_file() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such file in this cache")
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("such a file may have {most} bytes"))
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        fault::report(&error);
        let (status, retry_after) = match error.kind() {
            Kind::InvalidArgument | Kind::FailedPrecondition => (StatusCode::BAD_REQUEST, None),
            Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
            Kind::PermissionDenied => (StatusCode::FORBIDDEN, None),
            Kind::NotFound => (StatusCode::NOT_FOUND, None),
            Kind::AlreadyExists => (StatusCode::CONFLICT, None),
            Kind::ResourceExhausted { retry_after } => (StatusCode::TOO_MANY_REQUESTS, Some(retry_after)),
            Kind::OutOfSpace => (StatusCode::INSUFFICIENT_STORAGE, None),
            Kind::BodyCut => (StatusCode::REQUEST_TIMEOUT, None),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, None),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { status, message: error.to_string(), retry_after }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge { limit } => Self::too_large(limit),
            ReadError::Body(BodyError::Stalled | BodyError::Broken(_)) => {
                Self::new(StatusCode::REQUEST_TIMEOUT, error.to_string())
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let text = format!("{}\n", self.message);
        let mut response = (self.status, [(CONTENT_TYPE, PLAIN)], text).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"snowbank\", Bearer"));
        }
        response
    }
}
