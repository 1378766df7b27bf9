//! Paths, and what an upstream cache tells of them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use snowbank_binary_cache::upstream::{Fetched, Found, Upstream, UpstreamError, UpstreamOptions, Upstreams};
use snowbank_nix::{
    hash::NarHash,
    nar_info::{Compression, NarInfo},
    path_info::PathInfo,
    signature::SecretKey,
    store_path::StoreDir,
};
use url::Url;

use crate::server::{Act, Asked, ok, status};

/// A path, its bytes (nothing that fetches looks into them), and the key that signed it.
pub(crate) struct Sample {
    pub(crate) info: PathInfo,
    pub(crate) nar: Vec<u8>,
    pub(crate) key: SecretKey,
}

impl Sample {
    /// A path with so many bytes that do not compress.
    pub(crate) fn of(size: usize) -> Self {
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let nar: Vec<u8> = (0..size).map(|_| noise()).collect();
        let key = SecretKey::generate("test-1").unwrap();
        let mut info = PathInfo {
            path: format!("{}-sample", "b".repeat(32)).parse().unwrap(),
            nar_hash: NarHash::of(&nar),
            nar_size: size as u64,
            references: BTreeSet::new(),
            deriver: None,
            signatures: BTreeSet::new(),
            ca: None,
        };
        info.sign(&StoreDir::default(), &key);
        Self { info, nar, key }
    }

    /// The target of its `.narinfo`.
    pub(crate) fn narinfo_target(&self) -> String {
        format!("/{}.narinfo", self.info.path.hash_part())
    }

    /// What a cache tells of it, the NAR uncompressed at `nar/sample.nar`.
    pub(crate) fn narinfo(&self) -> NarInfo {
        NarInfo {
            info: self.info.clone(),
            url: "nar/sample.nar".to_owned(),
            compression: Compression::None,
            file_hash: None,
            file_size: None,
        }
    }

    /// The text of it.
    pub(crate) fn text(&self) -> String {
        self.narinfo().to_text(&StoreDir::default())
    }

    /// The upstream at `url` that signs with the sample's key.
    pub(crate) fn upstream(&self, url: &Url) -> Upstream {
        Upstream { url: url.clone(), keys: vec![self.key.public()] }
    }

    /// Fetches it from the servers at `urls`.
    pub(crate) async fn fetch(&self, urls: &[&Url]) -> (Result<Fetched, UpstreamError>, Vec<u8>) {
        let list = urls.iter().map(|url| self.upstream(url)).collect();
        fetch(&upstreams(list), &self.info).await
    }

    /// A script of a cache that has it: what `other` does not answer is answered well.
    pub(crate) fn script(
        &self,
        other: impl Fn(&Asked, usize) -> Option<Act> + Send + Sync + 'static,
    ) -> impl Fn(&Asked, usize) -> Act + Send + Sync + 'static {
        let (text, target, nar) = (self.text(), self.narinfo_target(), self.nar.clone());
        move |asked, before| {
            other(asked, before).unwrap_or_else(|| match asked.target.as_str() {
                "/nix-cache-info" => ok(b"StoreDir: /nix/store\nWantMassQuery: 1\n"),
                "/nar/sample.nar" => ok(&nar),
                known if known == target => ok(text.as_bytes()),
                _ => status("404 Not Found"),
            })
        }
    }
}

/// Caches that are asked again without a pause.
pub(crate) fn upstreams(list: Vec<Upstream>) -> Upstreams {
    Upstreams::new(list, StoreDir::default(), options()).unwrap()
}

/// Caches whose silence is not borne for long.
pub(crate) fn impatient(list: Vec<Upstream>) -> Upstreams {
    let options = UpstreamOptions { stall: Duration::from_millis(500), attempts: 3, ..options() };
    Upstreams::new(list, StoreDir::default(), options).unwrap()
}

pub(crate) fn options() -> UpstreamOptions {
    UpstreamOptions { backoff: Duration::from_millis(1), system_proxy: false, ..UpstreamOptions::default() }
}

/// Fetches a path, and gives back what the sink got.
pub(crate) async fn fetch(
    upstreams: &Upstreams,
    info: &PathInfo,
) -> (Result<Fetched, UpstreamError>, Vec<u8>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&got);
    let result = upstreams
        .fetch(info, move |bytes| {
            sink.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        })
        .await;
    let got = got.lock().unwrap().clone();
    (result, got)
}

/// Fetches what was found.
pub(crate) async fn fetch_found(
    upstreams: &Upstreams,
    found: Found,
) -> (Result<Fetched, UpstreamError>, Vec<u8>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&got);
    let result = upstreams
        .fetch_found(found, move |bytes| {
            sink.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        })
        .await;
    let got = got.lock().unwrap().clone();
    (result, got)
}

/// What an error says, with all its causes.
pub(crate) fn said(error: &UpstreamError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
