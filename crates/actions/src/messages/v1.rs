//! The messages of `_apis/artifactcache`, the older protocol, which GHES, Gitea, Forgejo and act still speak.
//! All are JSON; an unknown field is passed over.

use serde::{Deserialize, Serialize};

use super::json::{int64, optional_int64, or_null};

/// The path of the protocol, with whatever prefix the base URL has before it.
pub const PREFIX: &str = "_apis/artifactcache/";

/// Asks for a place to upload to: `POST caches`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reserve {
    /// What it will be found by.
    #[serde(deserialize_with = "or_null")]
    pub key: String,
    /// The client's version, opaque.
    #[serde(deserialize_with = "or_null")]
    pub version: String,
    /// Bytes to come. Old clients, buildkit and OpenDAL do not say.
    #[serde(
        rename = "cacheSize",
        deserialize_with = "optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub cache_size: Option<i64>,
}

/// The answer to [`Reserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// The upload's number, never 0.
    #[serde(rename = "cacheId")]
    pub cache_id: i64,
}

/// Says that everything is uploaded: `POST caches/<id>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Bytes of the archive.
    #[serde(deserialize_with = "int64")]
    pub size: i64,
}

/// An entry: the answer to `GET cache`, and an item of `GET caches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactCache {
    /// The key that it was saved under, in its own case.
    pub cache_key: String,
    /// The git ref that it was saved under.
    pub scope: String,
    /// The version that it was saved under.
    pub cache_version: String,
    /// When it became visible, RFC 3339.
    pub creation_time: String,
    /// Where it can be fetched without a token; absent from lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_location: Option<String>,
}

/// The answer to `GET caches`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactCacheList {
    /// How many there are.
    pub total_count: u64,
    /// Those that are shown.
    pub artifact_caches: Vec<ArtifactCache>,
}

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// A sentence for people; the npm client shows that of a 400.
    pub message: String,
    /// What sort it is, for go-actions-cache: a conflict's contains `AlreadyExists`.
    pub type_key: String,
}

/// The message of a conflict: magic-nix-cache looks for it in this case, go-actions-cache for its latter words.
pub const ALREADY_EXISTS: &str = "Cache already exists.";
