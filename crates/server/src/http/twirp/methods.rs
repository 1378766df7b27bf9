//! The three methods.

use snowbank_actions::keys::{lookup_keys, validate_key, validate_version};
use snowbank_actions::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};
use snowbank_actions::scope::WRITE_DENIED;
use snowbank_actions::twirp::Code;
use snowbank_catalog::rooms::Protocol;

use super::Context;
use super::failure::Failure;
use crate::service::{Kind, Outcome};

/// The npm client calls itself `@actions/cache-<version>`.
const NPM: &str = "@actions/cache";

/// `CreateCacheEntry`: reserves a slot and says where to upload to.
pub(super) async fn create(
    context: Context<'_>,
    request: CreateCacheEntryRequest,
) -> Result<CreateCacheEntryResponse, Failure> {
    let Context { service, site, caller, user_agent } = context;
    validate_key(&request.key)?;
    validate_version(&request.version)?;
    match service.reserve(&caller, &request.key, &request.version, &user_agent).await {
        Ok(grant) => Ok(CreateCacheEntryResponse {
            ok: true,
            signed_upload_url: site.url(service, &grant.path),
            message: String::new(),
        }),
        // Only here does the npm client tell its user why; other clients look at the status.
        Err(error) if error.kind() == Kind::PermissionDenied && user_agent.starts_with(NPM) => {
            let message = error.to_string();
            let message = if caller.scopes.write.is_none() { WRITE_DENIED.to_owned() } else { message };
            Ok(CreateCacheEntryResponse { ok: false, signed_upload_url: String::new(), message })
        }
        Err(error) => Err(error.into()),
    }
}

/// `FinalizeCacheEntryUpload`: makes what was uploaded visible.
pub(super) async fn finalize(
    context: Context<'_>,
    request: FinalizeCacheEntryUploadRequest,
) -> Result<FinalizeCacheEntryUploadResponse, Failure> {
    let Context { service, caller, .. } = context;
    validate_key(&request.key)?;
    validate_version(&request.version)?;
    let size = u64::try_from(request.size_bytes)
        .map_err(|_| Failure::new(Code::InvalidArgument, "the size is below zero"))?;
    let entry = service.finalize(&caller, Protocol::V2, &request.key, &request.version, size).await?;
    Ok(FinalizeCacheEntryUploadResponse { ok: true, entry_id: entry.0, message: String::new() })
}

/// `GetCacheEntryDownloadURL`: finds what a restore gets. A miss is an answer, not an error.
pub(super) async fn lookup(
    context: Context<'_>,
    request: GetCacheEntryDownloadUrlRequest,
) -> Result<GetCacheEntryDownloadUrlResponse, Failure> {
    let Context { service, site, caller, .. } = context;
    let keys = lookup_keys(&request.key, request.restore_keys.iter().map(String::as_str))?;
    validate_version(&request.version)?;
    let found = service.lookup(&caller, Protocol::V2, &keys, &request.version).await?;
    site.looked_up(service, Outcome::of(found.as_ref(), &keys));
    Ok(found.map_or_else(GetCacheEntryDownloadUrlResponse::default, |found| {
        GetCacheEntryDownloadUrlResponse {
            ok: true,
            signed_download_url: site.url(service, &found.path),
            matched_key: found.key,
        }
    }))
}
