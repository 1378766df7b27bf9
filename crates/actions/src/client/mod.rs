//! A client of the cache service, version 2: GitHub's own, whose blobs are Azure's, or ours. And one of its API for
//! looking at caches and deleting them, in [`rest`].
//!
//! Bounds: an answer of the service 64 KiB, an error's body 4 KiB, a read 64 MiB; an upload holds at most four
//! pieces of 256 KiB.

mod access;
mod calls;
mod error;
mod http;
mod patience;
mod read;
pub mod rest;
mod text;
mod traffic;
mod upload;
mod urls;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::StatusCode;

pub use error::{Attempt, ClientError};
pub use patience::Patience;
pub use traffic::Traffic;
pub use urls::{DownloadUrl, Says, Token, UploadUrl};

use crate::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};
use crate::scope::Scopes;
use access::Access;
use calls::Answer;
use http::Http;

/// Bytes of one read at the most.
pub const MAX_READ: u64 = 64 << 20;

/// How GitHub's service, and ours, begins to say that a token may not write.
const WRITE_DENIED: &str = "cache write denied";

/// A client of one service with one token; cheap to clone.
#[derive(Clone, Debug)]
pub struct CacheClient {
    service: Arc<Access>,
    http: Http,
}

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The service, `ACTIONS_RESULTS_URL` of a job. A path is kept; a slash at the end does not matter.
    pub url: String,
    /// The job's token.
    pub token: Token,
    /// How the client calls itself.
    pub user_agent: String,
    /// How long and how often is tried.
    pub patience: Patience,
}

/// An entry that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key that matched, as it was saved.
    pub key: String,
    /// Where the bytes are.
    pub url: DownloadUrl,
}

/// What came of a reservation.
#[derive(Clone, Debug)]
pub enum Reserved {
    /// The bytes may be sent.
    New(UploadUrl),
    /// There is such an entry already, or another job is at it.
    Taken,
    /// The service does not want the entry, and why: a token that may only read, a full quota.
    Denied(String),
}

/// What is uploaded.
#[derive(Clone, Debug)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// The first `size` bytes of a file, read by position as they are sent.
    File {
        /// The file; it must not change meanwhile.
        file: Arc<std::fs::File>,
        /// Bytes.
        size: u64,
    },
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranged {
    /// The bytes of the range; fewer than asked for only where the entry ends.
    pub bytes: Bytes,
    /// Bytes of the whole entry.
    pub total: u64,
}

impl CacheClient {
    /// A client; nothing is sent yet.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let Options { url, token, user_agent, patience } = options;
        Ok(Self { service: Arc::new(Access::new(&url, token)?), http: Http::new(patience, &user_agent)? })
    }

    /// Finds the entry of `key`, else the newest whose key begins with `key` or with one of `restore_keys`, in this
    /// order. `None` is a miss.
    pub async fn lookup(
        &self,
        key: &str,
        restore_keys: &[String],
        version: &str,
    ) -> Result<Option<Found>, ClientError> {
        let attempt = self.attempt("look up", key);
        let message = GetCacheEntryDownloadUrlRequest {
            key: key.to_owned(),
            restore_keys: restore_keys.to_vec(),
            version: version.to_owned(),
        };
        let answer = self.service.call(&self.http, "GetCacheEntryDownloadURL", &message, &attempt).await?;
        let answer: GetCacheEntryDownloadUrlResponse = message_of(answer, &attempt)?;
        if !answer.ok {
            return Ok(None);
        }
        let asked = || std::iter::once(key).chain(restore_keys.iter().map(String::as_str));
        // GitHub's service passes over the case of keys.
        let found = answer.matched_key.to_lowercase();
        if found.is_empty() || !asked().any(|asked| found.starts_with(&asked.to_lowercase())) {
            let found = text::shown(&answer.matched_key, &[]);
            let why = format!("the answer is about the key `{found}`, which was not asked for");
            return Err(ClientError::Garbage { attempt, why });
        }
        let url =
            DownloadUrl::parse(&answer.signed_download_url).map_err(|error| bad_url(attempt, &error))?;
        Ok(Some(Found { key: answer.matched_key, url }))
    }

    /// Takes the right to save `key`.
    pub async fn reserve(&self, key: &str, version: &str) -> Result<Reserved, ClientError> {
        let attempt = self.attempt("reserve", key);
        let message = CreateCacheEntryRequest { key: key.to_owned(), version: version.to_owned() };
        let answer = self.service.call(&self.http, "CreateCacheEntry", &message, &attempt).await;
        let answer: CreateCacheEntryResponse = match answer {
            Ok(Answer::Message(message)) => message,
            Ok(Answer::Conflict) => return Ok(Reserved::Taken),
            Err(ClientError::Denied { message, .. }) if message.contains(WRITE_DENIED) => {
                return Ok(Reserved::Denied(message.trim_start_matches(": ").to_owned()));
            }
            Err(error) => return Err(error),
        };
        if answer.ok {
            let url =
                UploadUrl::parse(&answer.signed_upload_url).map_err(|error| bad_url(attempt, &error))?;
            return Ok(Reserved::New(url));
        }
        let said = text::shown(&answer.message, &[]);
        if said.contains("already exists") {
            return Ok(Reserved::Taken);
        }
        Ok(Reserved::Denied(if said.is_empty() { "the server gave no reason".to_owned() } else { said }))
    }

    /// Sends the content of a reserved entry: one Put Blob up to 64 MiB, else blocks of 64 MiB, four at once, each
    /// tried again for itself.
    pub async fn upload(&self, to: &UploadUrl, content: Content) -> Result<(), ClientError> {
        upload::upload(&self.http, to.expose(), &content).await
    }

    /// Makes an uploaded entry of `size` bytes visible and returns its number.
    pub async fn finalize(&self, key: &str, version: &str, size: u64) -> Result<u64, ClientError> {
        let attempt = self.attempt("finalize", key);
        let size_bytes = i64::try_from(size)
            .map_err(|_| ClientError::Usage(format!("an entry cannot have {size} bytes")))?;
        let message =
            FinalizeCacheEntryUploadRequest { key: key.to_owned(), size_bytes, version: version.to_owned() };
        // Nothing comes while a server puts a large entry together.
        let patience = Patience { stall: self.http.patience.total, ..self.http.patience };
        let http = Http { patience, ..self.http.clone() };
        let answer = self.service.call(&http, "FinalizeCacheEntryUpload", &message, &attempt).await?;
        let answer: FinalizeCacheEntryUploadResponse = message_of(answer, &attempt)?;
        if !answer.ok {
            let message = text::because(&answer.message, &[]);
            return Err(ClientError::Rejected { attempt, status: StatusCode::OK, message });
        }
        u64::try_from(answer.entry_id).ok().filter(|id| *id > 0).ok_or_else(|| {
            let why = format!("{} is no entry's number", answer.entry_id);
            ClientError::Garbage { attempt, why }
        })
    }

    /// Reads a range of an entry, at most [`MAX_READ`] bytes of it. A cut connection is resumed where it broke.
    pub async fn read(&self, from: &DownloadUrl, range: Range<u64>) -> Result<Ranged, ClientError> {
        read::read(&self.http, from.expose(), range).await
    }

    /// What the token says that it may read and write; see [`Token::scopes`].
    #[must_use]
    pub fn scopes(&self) -> Option<Scopes> {
        self.service.token().scopes()
    }

    /// What this client and its clones have sent and received so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.http.counters.now()
    }

    fn attempt(&self, verb: &str, key: &str) -> Attempt {
        Attempt::new(verb, Some(key), &self.service.host())
    }
}

fn message_of<T>(answer: Answer<T>, attempt: &Attempt) -> Result<T, ClientError> {
    match answer {
        Answer::Message(message) => Ok(message),
        Answer::Conflict => Err(ClientError::Rejected {
            attempt: attempt.clone(),
            status: StatusCode::CONFLICT,
            message: String::new(),
        }),
    }
}

fn bad_url(attempt: Attempt, error: &ClientError) -> ClientError {
    ClientError::Garbage { attempt, why: format!("the answer has no URL that can be used ({error})") }
}

#[cfg(test)]
mod tests;
