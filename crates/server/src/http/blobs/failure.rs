//! Failures as Azure's clients read them: a status, `x-ms-error-code`, and XML with a code and a message.

use std::time::Duration;

use axum::Extension;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_actions::block_list::BlockListError;

use super::put_headers::{MS_REQUEST_ID, MS_VERSION, VERSION};
use crate::http::body::ReadError;
use crate::http::content_type::XML;
use crate::http::fault;
use crate::http::request_id::RequestId;
use crate::service::{Kind, ServiceError};

const MS_ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn invalid_header(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidHeaderValue", message)
    }

    pub(super) fn unknown_operation(comp: &str) -> Self {
        let message = format!("there is no operation {}", comp.escape_debug());
        Self::new(StatusCode::BAD_REQUEST, "InvalidQueryParameterValue", message)
    }

    /// The answer to request `id`.
    pub(super) fn answer(self, id: RequestId) -> Response {
        let message = escape(&self.message);
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{message}</Message></Error>",
            self.code
        );
        let mut response = (self.status, [(CONTENT_TYPE, XML)], xml).into_response();
        let headers = response.headers_mut();
        headers.insert(MS_ERROR_CODE, HeaderValue::from_static(self.code));
        headers.insert(MS_VERSION, VERSION);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            headers.insert(MS_REQUEST_ID, id);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

/// Answers a path under `/blobs` that is none.
pub(in crate::http) async fn no_such_blob(Extension(id): Extension<RequestId>) -> Response {
    Failure::new(StatusCode::NOT_FOUND, "ResourceNotFound", "there is no such blob").answer(id)
}

/// Answers a method that a blob does not have.
pub(super) async fn no_such_method(Extension(id): Extension<RequestId>) -> Response {
    let message = "uploads are PUT, downloads GET or HEAD";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "UnsupportedHttpVerb", message).answer(id)
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        fault::report(&error);
        let (status, code, retry_after) = match error.kind() {
            Kind::InvalidArgument => (StatusCode::BAD_REQUEST, "InvalidInput", None),
            Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, "NoAuthenticationInformation", None),
            Kind::PermissionDenied => (StatusCode::FORBIDDEN, "AuthenticationFailed", None),
            Kind::NotFound => (StatusCode::NOT_FOUND, "BlobNotFound", None),
            Kind::AlreadyExists => (StatusCode::CONFLICT, "BlobAlreadyExists", None),
            Kind::FailedPrecondition => (StatusCode::PRECONDITION_FAILED, "ConditionNotMet", None),
            Kind::ResourceExhausted { retry_after } => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServerBusy", Some(retry_after))
            }
            // Azure's clients retry 500 and 503; a full disk is full for a while.
            Kind::OutOfSpace => (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage", None),
            Kind::BodyCut => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout", None),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServerBusy", None),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", None),
        };
        Self { status, code, message: error.to_string(), retry_after }
    }
}

impl From<BlockListError> for Failure {
    fn from(error: BlockListError) -> Self {
        let code = match error {
            BlockListError::Malformed(_) | BlockListError::Encoding(_) | BlockListError::Shape => {
                "InvalidXmlDocument"
            }
            BlockListError::TooLarge(_) | BlockListError::TooMany => "BlockListTooLong",
            BlockListError::Id => "InvalidBlockId",
        };
        Self::new(StatusCode::BAD_REQUEST, code, fault::causes(&error))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let (status, code) = match error {
            ReadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestBodyTooLarge"),
            ReadError::Body(_) => (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"),
        };
        Self::new(status, code, error.to_string())
    }
}

/// Text in XML; control characters, which XML cannot hold, are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            other => escaped.push(other),
        }
    }
    escaped
}
