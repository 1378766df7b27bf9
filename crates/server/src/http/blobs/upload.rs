//! Uploads: Put Blob, Put Block and Put Block List, Append Blob. Source: Azure's Blob service REST API, as far as
//! the clients use it.

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use snowbank_actions::block_list::{self, BlockId, MAX_LIST_BYTES};
use snowbank_actions::query::Query;
use snowbank_catalog::ids::UploadId;

use super::failure::Failure;
use super::{put_headers, signed};
use crate::http::body;
use crate::http::request_id::RequestId;
use crate::service::{Direction, Service};

const BLOB_TYPE: &str = "x-ms-blob-type";

/// `PUT /blobs/upload/<id>`.
pub(super) async fn put(
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    match receive(&service, &parts.uri, &parts.headers, body).await {
        Ok(status) => (status, put_headers::of(id)).into_response(),
        Err(failure) => failure.answer(id),
    }
}

async fn receive(
    service: &Service,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let upload = UploadId(signed::check(service, Direction::Upload, uri)?);
    let idle = service.settings().times.body_idle.0;
    match Operation::of(uri.query().unwrap_or_default(), headers.get(BLOB_TYPE))? {
        Operation::PutBlob => service.put_blob(upload, body::stream(body, idle)).await?,
        Operation::PutBlock(id) => {
            let body = body::stream(body, idle);
            service.put_block(upload, id.into_bytes(), body).await?;
        }
        Operation::PutBlockList => {
            let list = body::read(body, MAX_LIST_BYTES, idle).await?;
            let ids: Vec<Vec<u8>> = block_list::parse(&list)?.into_iter().map(BlockId::into_bytes).collect();
            service.commit_block_list(upload, &ids).await?;
        }
        Operation::CreateAppendBlob => {
            if body.size_hint().lower() > 0 {
                return Err(Failure::invalid_header("an append blob is created empty"));
            }
            service.append_create(upload).await?;
        }
        Operation::AppendBlock => service.append_block(upload, body::stream(body, idle)).await?,
        Operation::Seal => {
            service.seal(upload).await?;
            return Ok(StatusCode::OK);
        }
    }
    Ok(StatusCode::CREATED)
}

/// What a PUT is.
#[derive(Debug, PartialEq, Eq)]
enum Operation {
    PutBlob,
    PutBlock(BlockId),
    PutBlockList,
    CreateAppendBlob,
    AppendBlock,
    Seal,
}

impl Operation {
    fn of(query: &str, blob_type: Option<&HeaderValue>) -> Result<Self, Failure> {
        let query = Query::new(query);
        let Some(comp) = query.literal("comp") else {
            return match blob_type.map(HeaderValue::as_bytes) {
                None | Some(b"BlockBlob") => Ok(Self::PutBlob),
                Some(b"AppendBlob") => Ok(Self::CreateAppendBlob),
                Some(_) => Err(Failure::invalid_header("a blob is a BlockBlob or an AppendBlob")),
            };
        };
        match comp.as_ref() {
            "block" => {
                Ok(Self::PutBlock(BlockId::from_base64(&query.literal("blockid").unwrap_or_default())?))
            }
            "blocklist" => Ok(Self::PutBlockList),
            "appendblock" => Ok(Self::AppendBlock),
            "seal" => Ok(Self::Seal),
            other => Err(Failure::unknown_operation(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Operation {
        Operation::of(query, None).unwrap()
    }

    #[test]
    fn operations_are_told_by_the_query() {
        assert_eq!(of("se=1&sig=a"), Operation::PutBlob);
        assert_eq!(of("se=1&sig=a&comp=blocklist"), Operation::PutBlockList);
        assert_eq!(of("comp=appendblock&se=1&sig=a"), Operation::AppendBlock);
        assert_eq!(of("se=1&comp=seal&sig=a"), Operation::Seal);
        let id = BlockId::from_base64("+/8=").unwrap();
        for block in ["comp=block&blockid=%2B%2F8%3D&se=1", "se=1&blockid=+/8=&comp=block"] {
            assert_eq!(of(block), Operation::PutBlock(id.clone()), "{block}");
        }
    }

    #[test]
    fn append_blobs_are_told_by_their_type() {
        let of = |blob_type| Operation::of("se=1", Some(&HeaderValue::from_static(blob_type)));
        assert_eq!(of("AppendBlob").unwrap(), Operation::CreateAppendBlob);
        assert_eq!(of("BlockBlob").unwrap(), Operation::PutBlob);
        assert!(of("PageBlob").is_err());
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for query in ["comp=metadata", "comp=", "comp=block", "comp=block&blockid=", "comp=block&blockid=%%%"]
        {
            assert!(Operation::of(query, None).is_err(), "{query}");
        }
    }
}
