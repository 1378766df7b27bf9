//! Content, by signed URL: uploads in the dialects of Azure's clients, downloads whole or in ranges.

mod conditions;
mod download;
mod failure;
mod put_headers;
mod signed;
mod upload;

use super::calls::Calls;

pub(super) use download::download;
pub(super) use failure::no_such_blob;

/// The paths of signed URLs. The URL is the credential: a request carries no token.
pub(super) fn routes() -> Calls {
    Calls::default()
        .put("/upload/{id}", upload::put)
        .get("/download/{id}", download::get)
        .with(|router| router.fallback(no_such_blob).method_not_allowed_fallback(failure::no_such_method))
}
