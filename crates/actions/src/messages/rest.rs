//! The messages of GitHub's REST API for caches. All are JSON; an unknown field is passed over.
//!
//! Source: GitHub's REST reference, "GitHub Actions cache".

use serde::{Deserialize, Serialize};

/// A cache: an item of [`CacheList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Its number.
    pub id: u64,
    /// The git ref that it was saved under.
    #[serde(rename = "ref", default)]
    pub scope: String,
    /// The key that it was saved under.
    pub key: String,
    /// The version that it was saved under.
    #[serde(default)]
    pub version: String,
    /// When it was last used, RFC 3339.
    pub last_accessed_at: String,
    /// When it became visible, RFC 3339.
    pub created_at: String,
    /// Its bytes.
    pub size_in_bytes: u64,
}

/// The answer to `GET /repos/{owner}/{repo}/actions/caches`, and to a `DELETE` by key: what was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheList {
    /// How many there are on all pages.
    pub total_count: u64,
    /// Those of this page.
    pub actions_caches: Vec<Cache>,
}

/// The answer to `GET /repos/{owner}/{repo}/actions/cache/usage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUsage {
    /// `owner/name`.
    pub full_name: String,
    /// Bytes of all its caches.
    pub active_caches_size_in_bytes: u64,
    /// How many there are.
    pub active_caches_count: u64,
}

/// The answer to `GET /repos/{owner}/{repo}/actions/cache/storage-limit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageLimit {
    /// Units of 10⁹ bytes. GitHub's are whole numbers; where a server's limit is none, ours writes a fraction.
    pub max_cache_size_gb: serde_json::Number,
}

impl StorageLimit {
    /// Bytes of a unit.
    const UNIT: u64 = 1_000_000_000;

    /// The answer for a limit of so many bytes.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let whole = bytes.is_multiple_of(Self::UNIT).then(|| (bytes / Self::UNIT).into());
        let fraction = || serde_json::Number::from_f64(bytes as f64 / Self::UNIT as f64);
        // No count of bytes is infinite, which alone has no number in JSON.
        Self { max_cache_size_gb: whole.or_else(fraction).unwrap_or_else(|| 0.into()) }
    }

    /// The limit in bytes; none when it is no size.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        let bytes = self.max_cache_size_gb.as_f64()? * Self::UNIT as f64;
        (bytes >= 0.0 && bytes < u64::MAX as f64).then_some(bytes.round() as u64)
    }
}

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A sentence for people; gh shows it.
    pub message: String,
    /// Where to read on.
    #[serde(default)]
    pub documentation_url: String,
    /// The HTTP status, as text.
    #[serde(default)]
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_whole_where_it_can_be() {
        for (bytes, json) in [
            (10_000_000_000, r#"{"max_cache_size_gb":10}"#),
            (2_000_000, r#"{"max_cache_size_gb":0.002}"#),
            (0, r#"{"max_cache_size_gb":0}"#),
        ] {
            let limit = StorageLimit::of(bytes);
            assert_eq!(serde_json::to_string(&limit).unwrap(), json);
            assert_eq!(serde_json::from_str::<StorageLimit>(json).unwrap().bytes(), Some(bytes));
        }
        assert_eq!(
            serde_json::from_str::<StorageLimit>(r#"{"max_cache_size_gb":-1}"#).unwrap().bytes(),
            None
        );
    }

    #[test]
    fn a_cache_is_read_as_github_writes_it() {
        let text = r#"{"total_count":1,"actions_caches":[{"id":505,"ref":"refs/heads/main","key":"k","version":"v",
            "last_accessed_at":"2019-01-24T22:45:36.000Z","created_at":"2019-01-24T22:45:36.000Z","size_in_bytes":1024,
            "new_field":null}]}"#;
        let list: CacheList = serde_json::from_str(text).unwrap();
        assert_eq!(
            (list.actions_caches[0].id, list.actions_caches[0].scope.as_str()),
            (505, "refs/heads/main")
        );
    }
}
