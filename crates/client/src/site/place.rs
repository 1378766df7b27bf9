//! Where a cache is, and where our calls lie beside it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The URL of a binary cache of a Snowbank server: `http://HOST/nix/NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct SitePlace {
    cache: Url,
    api: Url,
}

/// A text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no cache's URL, which is written http://HOST/nix/NAME", .0.escape_debug())]
pub struct PlaceError(String);

impl SitePlace {
    /// The cache itself, as Nix is told of it; without a login.
    #[must_use]
    pub fn cache(&self) -> &Url {
        &self.cache
    }

    /// The URL of one of our calls, such as `packs/<hash>`; of the cache itself, as the API has it, where that is empty.
    #[must_use]
    pub fn call(&self, call: &str) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(call.split('/').filter(|part| !part.is_empty()));
        }
        url
    }
}

impl FromStr for SitePlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let mut cache = Url::parse(text).map_err(|_| PlaceError(text.to_owned()))?;
        // What is secret in it must not get into the error.
        let bare = cache.set_username("").is_ok() && cache.set_password(None).is_ok();
        cache.set_query(None);
        cache.set_fragment(None);
        let wrong = || PlaceError(if bare { cache.to_string() } else { String::new() });
        let path = cache.path().trim_end_matches('/').to_owned();
        let (base, name) = path.rsplit_once("/nix/").ok_or_else(wrong)?;
        if !matches!(cache.scheme(), "http" | "https") || name.is_empty() || name.contains('/') {
            return Err(wrong());
        }
        let mut api = cache.clone();
        api.set_path(&format!("{base}/api/v1/nix/{name}"));
        cache.set_path(&path);
        Ok(Self { cache, api })
    }
}

impl fmt::Display for SitePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(f)
    }
}

impl fmt::Debug for SitePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SitePlace({self})")
    }
}
