//! A binary cache as the dashboard shows it.

use std::time::Duration;

use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::Path;
use snowbank_nix::store_path::StorePath;

use super::CacheView;
use crate::service::Result;

/// Paths that are shown.
const NEWEST: u64 = 50;

/// What is told of a binary cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheAbout {
    /// Paths of all views.
    pub paths: u64,
    /// Bytes of their NARs, as stored.
    pub bytes: u64,
    /// Bytes that it may take.
    pub limit: Option<u64>,
    /// How long a path is kept that nobody uses; nothing for ever.
    pub retention: Option<Duration>,
    /// The URLs of the caches behind it, for who shows a token.
    pub upstreams: Vec<String>,
    /// Whether what is missing is fetched from those.
    pub pull_through: bool,
    /// Names that keep paths.
    pub pins: usize,
    /// The newest of the paths that the viewer sees, the newest first.
    pub newest: Vec<CachePath>,
}

/// A path in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePath {
    /// The path.
    pub path: StorePath,
    /// The git ref that it was pushed for; none for what is in the cache itself.
    pub view: Option<String>,
    /// Bytes of its NAR.
    pub size: u64,
    /// Bytes of it as stored; none while it waits for being fetched from an upstream.
    pub stored: Option<u64>,
    /// When it was published.
    pub created: Timestamp,
    /// When it was last used.
    pub used: Timestamp,
}

impl CacheView {
    /// What is told of the cache to whoever may pull from it.
    pub async fn about(&self) -> Result<CacheAbout> {
        let (service, catalog) = (&self.service, &self.service.0.catalog);
        let usage = service.remembered_cache(self.cache.id).await?;
        let newest = catalog.newest_paths(self.cache.id, &self.views, NEWEST).await?;
        let settings = service.settings().caches.get(self.name()).cloned().unwrap_or_default();
        let known = !self.pusher.is_empty();
        let upstreams =
            settings.upstreams.iter().filter(|_| known).map(|upstream| without_login(&upstream.url));
        Ok(CacheAbout {
            paths: usage.paths,
            bytes: usage.stored,
            limit: settings.size.map(|size| size.0),
            retention: settings.retention.map(|span| span.0),
            upstreams: upstreams.collect(),
            pull_through: settings.pull_through,
            pins: catalog.pins(self.cache.id).await?.len(),
            newest: newest.into_iter().map(listed).collect(),
        })
    }
}

fn listed(path: Path) -> CachePath {
    CachePath {
        view: Some(path.view).filter(|view| !view.is_empty()),
        size: path.info.nar_size,
        stored: path.nar.map(|nar| nar.stored),
        created: path.created,
        used: path.used,
        path: path.info.path,
    }
}

/// Of an upstream with a name and a password only the rest is told.
fn without_login(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else { return String::new() };
    // Fails for URLs that can have none.
    let _ = parsed.set_password(None);
    let _ = parsed.set_username("");
    parsed.set_query(None);
    parsed.into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_upstreams_password_is_not_told() {
        let told = super::without_login;
        assert_eq!(told("https://me:secret@cache.example/x?secret=1"), "https://cache.example/x");
        assert_eq!(told("file:///srv/cache"), "file:///srv/cache");
    }
}
