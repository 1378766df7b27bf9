//! The messages of GitHub's REST API for caches. All are JSON; an unknown field is passed over.
//!
//! Source: GitHub's REST reference, "GitHub Actions cache".

use serde::{Deserialize, Deserializer, Serialize};

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

/// The answer to `GET /orgs/{org}/actions/cache/usage` and `GET /enterprises/{enterprise}/actions/cache/usage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalUsage {
    /// Bytes of all caches.
    pub total_active_caches_size_in_bytes: u64,
    /// How many there are.
    pub total_active_caches_count: u64,
}

/// The answer to `GET /orgs/{org}/actions/cache/usage-by-repository`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageByRepository {
    /// How many repositories with caches there are on all pages.
    pub total_count: u64,
    /// Those of this page.
    pub repository_cache_usages: Vec<CacheUsage>,
}

/// A number of units of `UNIT` each. GitHub's are whole numbers; where a server's is none, ours writes a fraction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount<const UNIT: u64>(serde_json::Number);

/// Units of 10⁹ bytes.
pub type Gigabytes = Amount<1_000_000_000>;

/// Days, each of so many milliseconds.
pub type Days = Amount<86_400_000>;

impl<const UNIT: u64> Amount<UNIT> {
    /// The number for so many bytes or milliseconds.
    #[must_use]
    pub fn of(count: u64) -> Self {
        let whole = count.is_multiple_of(UNIT).then(|| (count / UNIT).into());
        let fraction = || serde_json::Number::from_f64(count as f64 / UNIT as f64);
        // No count is infinite, which alone has no number in JSON.
        Self(whole.or_else(fraction).unwrap_or_else(|| 0.into()))
    }

    /// The bytes or milliseconds; none when it is no such count.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let count = self.0.as_f64()? * UNIT as f64;
        (count >= 0.0 && count < u64::MAX as f64).then_some(count.round() as u64)
    }
}

/// The answer to `GET .../actions/cache/storage-limit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageLimit {
    /// What the caches of a repository may come to.
    pub max_cache_size_gb: Gigabytes,
}

/// The answer to `GET .../actions/cache/retention-limit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetentionLimit {
    /// How long a cache is kept that nobody uses.
    pub max_cache_retention_days: Days,
}

/// The answer to `GET .../actions/cache/usage-policy`, of GitHub Enterprise Server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsagePolicy {
    /// What the caches of a repository may come to.
    pub repo_cache_size_limit_in_gb: Gigabytes,
    /// The most that may be set for a repository; an enterprise has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_repo_cache_size_limit_in_gb: Option<Gigabytes>,
}

/// The body of a `PUT` or `PATCH` of limits, whichever: each call has its own fields. A field that is null takes a
/// limit away, which GitHub's API does not know.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct SetLimits {
    /// See [`StorageLimit`].
    #[serde(default, deserialize_with = "there")]
    pub max_cache_size_gb: Option<Option<Gigabytes>>,
    /// See [`RetentionLimit`].
    #[serde(default, deserialize_with = "there")]
    pub max_cache_retention_days: Option<Option<Days>>,
    /// See [`UsagePolicy`].
    #[serde(default, deserialize_with = "there")]
    pub repo_cache_size_limit_in_gb: Option<Option<Gigabytes>>,
    /// See [`UsagePolicy`].
    #[serde(default, deserialize_with = "there")]
    pub max_repo_cache_size_limit_in_gb: Option<Option<Gigabytes>>,
}

/// A field that is there, be it null.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_whole_where_it_can_be() {
        for (bytes, json) in [
            (10_000_000_000, r#"{"max_cache_size_gb":10}"#),
            (2_000_000, r#"{"max_cache_size_gb":0.002}"#),
            (0, r#"{"max_cache_size_gb":0}"#),
        ] {
            let limit = StorageLimit { max_cache_size_gb: Amount::of(bytes) };
            assert_eq!(serde_json::to_string(&limit).unwrap(), json);
            let read: StorageLimit = serde_json::from_str(json).unwrap();
            assert_eq!(read.max_cache_size_gb.count(), Some(bytes));
        }
        for text in ["-1", "1e300"] {
            assert_eq!(serde_json::from_str::<Gigabytes>(text).unwrap().count(), None);
        }
        assert_eq!(serde_json::to_string(&Days::of(129_600_000)).unwrap(), "1.5");
    }

    #[test]
    fn a_field_that_is_null_is_there() {
        let read = |text| serde_json::from_str::<SetLimits>(text).unwrap();
        assert_eq!(read("{}"), SetLimits::default());
        assert_eq!(read(r#"{"max_cache_size_gb":null}"#).max_cache_size_gb, Some(None));
        let days = read(r#"{"max_cache_retention_days":14}"#).max_cache_retention_days;
        assert_eq!(days.flatten().and_then(|days| days.count()), Some(14 * 86_400_000));
        assert!(serde_json::from_str::<SetLimits>(r#"{"max_cache_size_gb":"10"}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_count_comes_back_as_near_as_a_number_holds_it(count: u64) {
            let back = Gigabytes::of(count).count().unwrap_or(u64::MAX);
            prop_assert!(back.abs_diff(count) <= count >> 50, "{} {}", count, back);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = serde_json::from_slice::<SetLimits>(&bytes);
            let _ = serde_json::from_slice::<UsageByRepository>(&bytes);
        }
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
