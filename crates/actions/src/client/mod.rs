//! A client of the cache service v2, for GitHub's hosted service and for ours: the three methods, and the blobs behind
//! the URLs that they give.

mod blob;
mod error;
mod options;
mod retry;
mod rpc;
mod traffic;
mod upload;
mod url;

use std::sync::Arc;

pub use blob::Ranged;
pub use error::{ClientError, Reason};
pub use options::{Options, Patience, Token};
pub use traffic::Traffic;
pub use upload::Content;
pub use url::{DownloadUrl, UploadUrl};

use crate::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};
use traffic::Counters;

/// How the service's refusal of a token without writable scopes begins, in an answer that is not ok.
const WRITE_DENIED: &str = "cache write denied:";

/// A client of one service, with one token. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct CacheClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    sender: reqwest::Client,
    /// The service's URL up to the method.
    base: ::url::Url,
    token: Token,
    patience: Patience,
    counters: Counters,
}

/// An entry that a lookup found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its key, as it was saved.
    pub key: String,
    /// Where its bytes are.
    pub url: DownloadUrl,
}

/// What became of a reservation.
#[derive(Clone, Debug)]
pub enum Reserved {
    /// The entry may be uploaded there.
    New(UploadUrl),
    /// It exists, or somebody else is saving it.
    Taken,
    /// The service lets this token write nothing, with its reason.
    Denied(String),
}

impl CacheClient {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none, the token cannot be sent, or TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let base = url::service(&options.url)?;
        let (http, sender) = options.http()?;
        let Options { token, patience, .. } = options;
        Ok(Self(Arc::new(Inner { http, sender, base, token, patience, counters: Counters::default() })))
    }

    /// The entry of exactly `key` or the newest whose key begins with it, else the same for each of `restore_keys` in
    /// their order; all of it in one scope after the other. None is a miss.
    ///
    /// # Errors
    /// When the service does not answer as it should.
    pub async fn lookup(
        &self,
        key: &str,
        restore_keys: &[String],
        version: &str,
    ) -> Result<Option<Found>, ClientError> {
        let request = GetCacheEntryDownloadUrlRequest {
            key: key.to_owned(),
            restore_keys: restore_keys.to_vec(),
            version: version.to_owned(),
        };
        let what = || format!("look up {key:?}");
        let answer: GetCacheEntryDownloadUrlResponse =
            self.call("GetCacheEntryDownloadURL", &request, &what).await?;
        if !answer.ok {
            return Ok(None);
        }
        let url = url::parse(&answer.signed_download_url)
            .ok_or_else(|| ClientError::new(what(), Reason::Garbage("a download URL that is none".into())))?;
        Ok(Some(Found { key: answer.matched_key, url: DownloadUrl(url) }))
    }

    /// Reserves an entry.
    ///
    /// # Errors
    /// When the service does not answer as it should.
    pub async fn reserve(&self, key: &str, version: &str) -> Result<Reserved, ClientError> {
        let request = CreateCacheEntryRequest { key: key.to_owned(), version: version.to_owned() };
        let what = || format!("reserve {key:?}");
        let answer: CreateCacheEntryResponse = match self.call("CreateCacheEntry", &request, &what).await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.reason {
                    Reason::Taken => Ok(Reserved::Taken),
                    Reason::Denied(message) => Ok(Reserved::Denied(message)),
                    _ => Err(error),
                };
            }
        };
        if answer.ok {
            let url = url::parse(&answer.signed_upload_url).ok_or_else(|| {
                ClientError::new(what(), Reason::Garbage("an upload URL that is none".into()))
            })?;
            return Ok(Reserved::New(UploadUrl(url)));
        }
        match error::shown(&answer.message) {
            // What servers say that have no code for it.
            message if message.is_empty() || message.contains("already exists") => Ok(Reserved::Taken),
            message if message.starts_with(WRITE_DENIED) => Ok(Reserved::Denied(message)),
            message => Err(ClientError::new(what(), Reason::Refused(message))),
        }
    }

    /// Makes an uploaded entry of `size` bytes visible; its number.
    ///
    /// # Errors
    /// When the service does not answer as it should, or finds another size.
    pub async fn finalize(&self, key: &str, version: &str, size: u64) -> Result<u64, ClientError> {
        let request = FinalizeCacheEntryUploadRequest {
            key: key.to_owned(),
            size_bytes: i64::try_from(size).unwrap_or(i64::MAX),
            version: version.to_owned(),
        };
        let what = || format!("finish {key:?}");
        let answer: FinalizeCacheEntryUploadResponse =
            self.call("FinalizeCacheEntryUpload", &request, &what).await?;
        if !answer.ok {
            return Err(ClientError::new(what(), Reason::Refused(error::shown(&answer.message))));
        }
        Ok(u64::try_from(answer.entry_id).unwrap_or(0))
    }

    /// What this client and its clones have sent and received so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.0.counters.read()
    }
}
