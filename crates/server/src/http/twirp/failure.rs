//! Failures as Twirp errors: JSON, whatever the request's encoding (see [`snowbank_actions::twirp`]).

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_actions::keys::KeyError;
use snowbank_actions::twirp::{Code, MessageError};

use crate::http::body::ReadError;
use crate::http::content_type::JSON;
use crate::http::fault;
use crate::service::{Kind, ServiceError};

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    code: Code,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        fault::report(&error);
        let (code, retry_after) = match error.kind() {
            Kind::InvalidArgument => (Code::InvalidArgument, None),
            Kind::Unauthenticated => (Code::Unauthenticated, None),
            Kind::PermissionDenied => (Code::PermissionDenied, None),
            Kind::NotFound => (Code::NotFound, None),
            Kind::AlreadyExists => (Code::AlreadyExists, None),
            // 412 and not 503: a full disk is full for a while, and the npm client would retry for half a minute.
            Kind::FailedPrecondition | Kind::OutOfSpace => (Code::FailedPrecondition, None),
            Kind::ResourceExhausted { retry_after } => (Code::ResourceExhausted, Some(retry_after)),
            Kind::BodyCut => (Code::DeadlineExceeded, None),
            Kind::Unavailable => (Code::Unavailable, None),
            Kind::Internal => (Code::Internal, None),
        };
        Self { code, message: error.to_string(), retry_after }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Code::InvalidArgument, error.to_string())
    }
}

impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        Self::new(Code::Malformed, fault::causes(&error))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let code = match error {
            ReadError::TooLarge { .. } => Code::Malformed,
            ReadError::Body(_) => Code::DeadlineExceeded,
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(CONTENT_TYPE, JSON)], self.code.body(&self.message)).into_response();
        if let Some(wait) = self.retry_after {
            // The npm client wants a whole number above 0.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}
