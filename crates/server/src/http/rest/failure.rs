//! Failures as GitHub's API has them: a status and `{message, documentation_url, status}`.

use std::time::Duration;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_actions::messages::rest;

use crate::http::fault;
use crate::service::{Kind, ServiceError};

/// Where the API is described.
const DOCUMENTATION: &str = "https://docs.github.com/rest/actions/cache";

/// A call that failed.
#[derive(Debug)]
pub(in crate::http) struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// The request cannot be meant so; GitHub answers 422 then.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The limit cannot be meant so; GitHub answers 400 then.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A limit that was refused.
    pub(super) fn of_limits(error: ServiceError) -> Self {
        match error.kind() {
            Kind::InvalidArgument => Self::bad(error.to_string()),
            _ => error.into(),
        }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        fault::report(&error);
        let (status, retry_after) = match error.kind() {
            Kind::InvalidArgument | Kind::FailedPrecondition => (StatusCode::UNPROCESSABLE_ENTITY, None),
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

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = rest::Failure {
            message: self.message,
            documentation_url: DOCUMENTATION.to_owned(),
            status: self.status.as_u16().to_string(),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

/// Answers a path or a method that there is not.
pub(in crate::http) async fn no_such_call() -> Failure {
    Failure::not_found("there is no such call")
}
