//! Downloads: GET and HEAD, whole or in ranges, of one immutable representation.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use snowbank_catalog::ids::RepresentationId;

use super::conditions::{Verdict, weigh};
use super::failure::Failure;
use super::put_headers::{MS_REQUEST_ID, MS_VERSION, VERSION};
use super::signed;
use crate::http::content_type::BYTES;
use crate::http::request_id::RequestId;
use crate::service::{Direction, Download, Kind, Service, ServiceError};

const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");

/// `GET` and `HEAD /blobs/download/<id>`.
pub(super) async fn get(State(service): State<Service>, request: Request) -> Response {
    download(&service, request).await
}

/// The same, whatever the URL's path is before its last part.
pub(in crate::http) async fn download(service: &Service, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let id = parts.extensions.get().copied().unwrap_or_else(RequestId::next);
    let mut response = match send(service, &parts.method, &parts.uri, &parts.headers).await {
        Ok(response) => response,
        Err(failure) => failure.answer(id),
    };
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(MS_REQUEST_ID, id);
    }
    response
}

async fn send(
    service: &Service,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let id = RepresentationId(signed::check(service, Direction::Download, uri)?);
    let download = service.download(id).await.map_err(late)?.asked_by(&signed::signature(uri));
    let (size, etag) = (download.size(), download.etag());
    match weigh(method, headers, &etag, size) {
        Verdict::Whole => answer(method, download, None).await,
        Verdict::Part { start, end } => answer(method, download, Some((start, end))).await,
        Verdict::NotModified => Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response()),
        Verdict::Mismatch => {
            let message = "the blob is not the one that the condition names";
            Err(Failure::new(StatusCode::PRECONDITION_FAILED, "ConditionNotMet", message))
        }
        Verdict::Unsatisfiable => Ok((
            StatusCode::RANGE_NOT_SATISFIABLE,
            [(CONTENT_RANGE, format!("bytes */{size}")), (ETAG, etag)],
        )
            .into_response()),
    }
}

async fn answer(method: &Method, download: Download, part: Option<(u64, u64)>) -> Result<Response, Failure> {
    let (size, etag) = (download.size(), download.etag());
    let (start, end) = part.unwrap_or((0, size));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(BYTES)),
        (CONTENT_LENGTH, HeaderValue::from(end - start)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (BLOB_TYPE, HeaderValue::from_static("BlockBlob")),
        (MS_VERSION, VERSION),
    ];
    let body = if *method == Method::HEAD || start == end {
        Body::empty()
    } else {
        body(download, start, end).await?
    };
    let mut response = (headers, [(ETAG, etag)], body).into_response();
    if part.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(range) = HeaderValue::try_from(format!("bytes {start}-{}/{size}", end - 1)) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    Ok(response)
}

/// The bytes as a body. The first of them are fetched before anything is answered, so that what cannot be read at
/// all has a status to say so.
async fn body(download: Download, start: u64, end: u64) -> Result<Body, Failure> {
    let mut bytes = download.read(start..end).await.map_err(late)?;
    let first = match bytes.next().await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(late(error)),
        None => {
            return Err(late(ServiceError::new(Kind::Internal, "the blob has fewer bytes than it should")));
        }
    };
    Ok(Body::from_stream(stream::iter([Ok(first)]).chain(bytes)))
}

/// A URL that was handed out holds, so whatever fails behind it is our fault. Never 4xx: the npm client takes the
/// body of a 404 for the archive.
fn late(error: ServiceError) -> Failure {
    match error.kind() {
        Kind::NotFound => ServiceError::caused(Kind::Internal, error.to_string(), error).into(),
        _ => error.into(),
    }
}
