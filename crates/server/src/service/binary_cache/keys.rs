//! The keys that caches sign with: from files, else one that the server made when it first knew of the cache.

use std::collections::HashMap;
use std::sync::Arc;

use snowbank_catalog::Catalog;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::{PublicKey, SecretKey};
use snowbank_nix::store_path::StoreDir;

use crate::service::{Kind, Result, ServiceError};
use crate::settings::Settings;

/// Bytes of the largest key file that is read.
const MOST: u64 = 4 << 10;

/// The keys of every cache in the settings, by the cache's name.
#[derive(Debug, Default)]
pub(in crate::service) struct Keys(HashMap<String, Arc<[SecretKey]>>);

impl Keys {
    /// Reads, or makes, the keys of all caches.
    pub(in crate::service) async fn load(settings: &Settings, catalog: &dyn Catalog) -> Result<Self> {
        let mut keys = HashMap::new();
        for (name, cache) in &settings.caches {
            let own = match cache.key_files.as_slice() {
                [] => vec![made(name, catalog).await?],
                files => files.iter().map(|file| read(name, file)).collect::<Result<_>>()?,
            };
            keys.insert(name.clone(), own.into());
        }
        Ok(Self(keys))
    }

    /// The keys of a cache.
    pub(super) fn of(&self, cache: &str) -> Arc<[SecretKey]> {
        self.0.get(cache).cloned().unwrap_or_else(|| Arc::new([]))
    }
}

/// What those need to know who check its signatures.
pub(super) fn public(keys: &[SecretKey]) -> Vec<PublicKey> {
    keys.iter().map(SecretKey::public).collect()
}

/// Adds the signatures of all keys.
pub(super) fn sign(info: &mut PathInfo, dir: &StoreDir, keys: &[SecretKey]) {
    keys.iter().for_each(|key| info.sign(dir, key));
}

async fn made(cache: &str, catalog: &dyn Catalog) -> Result<SecretKey> {
    let failed =
        |error| ServiceError::caused(Kind::Internal, format!("the cache {cache} can have no key"), error);
    let fresh = SecretKey::generate(&format!("{cache}-1")).map_err(failed)?;
    let kept = catalog.secret(&format!("key of the cache {cache}"), fresh.expose().as_bytes()).await?;
    let damaged = || {
        ServiceError::new(Kind::Internal, format!("the key of the cache {cache} in the catalog is damaged"))
    };
    let line = String::from_utf8(kept).map_err(|_| damaged())?;
    SecretKey::parse(&line).map_err(|_| damaged())
}

/// At the start of the server, before anything waits on it.
fn read(cache: &str, file: &str) -> Result<SecretKey> {
    let what = format!("the key file {file} of the cache {cache}");
    let unread = |error: std::io::Error| {
        ServiceError::caused(Kind::InvalidArgument, format!("could not read {what}"), error)
    };
    let mut text = String::new();
    let source = std::fs::File::open(file).map_err(unread)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(source, MOST), &mut text).map_err(unread)?;
    SecretKey::parse(&text).map_err(|error| {
        ServiceError::caused(Kind::InvalidArgument, format!("{what} holds no secret key"), error)
    })
}
