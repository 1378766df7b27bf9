//! Failures as the older protocol has them: a status and `{message, typeKey}`.

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_actions::keys::KeyError;
use snowbank_actions::messages::v1::{self, ALREADY_EXISTS};
use snowbank_actions::ranges::PlacedError;

use super::find::json;
use crate::http::body::ReadError;
use crate::http::fault;
use crate::service::{Kind, ServiceError};

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
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
        let message = match error.kind() {
            Kind::AlreadyExists => ALREADY_EXISTS.to_owned(),
            _ => error.to_string(),
        };
        Self { status, message, retry_after }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<PlacedError> for Failure {
    fn from(error: PlacedError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let status = match error {
            ReadError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ReadError::Body(_) => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // go-actions-cache looks for these words in a conflict; no client looks at any other.
        let type_key = match self.status {
            StatusCode::CONFLICT => "ArtifactCacheItemAlreadyExistsException",
            _ => "ArtifactCacheException",
        };
        let body = v1::Failure { message: self.message, type_key: type_key.to_owned() };
        let mut response = json(self.status, &body);
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}
