//! The messages of `CacheService`, the protocol of 2025 and later.
//!
//! Field numbers are GitHub's. Field 1 of each request, `metadata`, names a repository and scopes; no client sends
//! it, and a server must not believe it, so it is passed over like any unknown field. In JSON both `snake_case`
//! and `lowerCamelCase` are read; the former is written, since all clients read it.

use serde::{Deserialize, Serialize};

use super::json::{as_text, int64, is_zero, or_null};

/// Asks for a place to upload to.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateCacheEntryRequest {
    /// What it will be found by.
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The client's version, opaque.
    #[prost(string, tag = "3")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// Where to upload to.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateCacheEntryResponse {
    /// Whether the reservation succeeded.
    #[prost(bool, tag = "1")]
    #[serde(deserialize_with = "or_null")]
    pub ok: bool,
    /// The URL to upload to.
    #[prost(string, tag = "2")]
    #[serde(
        alias = "signedUploadUrl",
        deserialize_with = "or_null",
        skip_serializing_if = "String::is_empty"
    )]
    pub signed_upload_url: String,
    /// Why it is not ok. Newer clients show it.
    #[prost(string, tag = "3")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Says that everything is uploaded.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct FinalizeCacheEntryUploadRequest {
    /// The key of the reservation.
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Bytes of the archive.
    #[prost(int64, tag = "3")]
    #[serde(
        alias = "sizeBytes",
        deserialize_with = "int64",
        serialize_with = "as_text",
        skip_serializing_if = "is_zero"
    )]
    pub size_bytes: i64,
    /// The version of the reservation.
    #[prost(string, tag = "4")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// The new entry.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct FinalizeCacheEntryUploadResponse {
    /// Whether the entry is visible.
    #[prost(bool, tag = "1")]
    #[serde(deserialize_with = "or_null")]
    pub ok: bool,
    /// Its number, above 0.
    #[prost(int64, tag = "2")]
    #[serde(
        alias = "entryId",
        deserialize_with = "int64",
        serialize_with = "as_text",
        skip_serializing_if = "is_zero"
    )]
    pub entry_id: i64,
    /// Why it is not ok.
    #[prost(string, tag = "3")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Looks an entry up.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct GetCacheEntryDownloadUrlRequest {
    /// The primary key.
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What else will do, in this order.
    #[prost(string, repeated, tag = "3")]
    #[serde(alias = "restoreKeys", deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub restore_keys: Vec<String>,
    /// The version, which must be equal.
    #[prost(string, tag = "4")]
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// What was found. A miss is `ok: false` and nothing else.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct GetCacheEntryDownloadUrlResponse {
    /// Whether anything was found.
    #[prost(bool, tag = "1")]
    #[serde(deserialize_with = "or_null")]
    pub ok: bool,
    /// Where it can be fetched.
    #[prost(string, tag = "2")]
    #[serde(
        alias = "signedDownloadUrl",
        deserialize_with = "or_null",
        skip_serializing_if = "String::is_empty"
    )]
    pub signed_download_url: String,
    /// The key that it was saved under, in its own case.
    #[prost(string, tag = "3")]
    #[serde(alias = "matchedKey", deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub matched_key: String,
}
