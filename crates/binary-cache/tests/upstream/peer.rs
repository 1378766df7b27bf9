//! Caches that Nix itself made, as folders and behind nginx.

use std::{fs, path::Path};

use futures::future::join_all;
use snowbank_binary_cache::upstream::{Upstream, UpstreamError, UpstreamOptions, Upstreams};
use snowbank_nix::{
    nar::dump,
    path_info::PathInfo,
    signature::SecretKey,
    store::{LocalStore, Place},
    store_path::StoreDir,
};
use snowbank_testkit::{
    closure::{Closure, nix, succeed},
    nginx::Nginx,
    proxy::{Fault, Faults, Proxy},
};
use tempfile::TempDir;
use url::Url;

use crate::support::{Sample, fetch, options, said, upstreams};

/// Paths that Nix made, and the key of caches of them.
pub(crate) struct Made {
    closure: Closure,
    pub(crate) key: SecretKey,
    pub(crate) infos: Vec<PathInfo>,
}

impl Made {
    pub(crate) fn new() -> Self {
        let trees = tempfile::tempdir().unwrap();
        let (small, large) = (trees.path().join("small"), trees.path().join("large"));
        fs::create_dir_all(small.join("bin")).unwrap();
        fs::write(small.join("bin/script"), "#!/bin/sh\n").unwrap();
        fs::create_dir_all(&large).unwrap();
        fs::write(large.join("noise"), Sample::of(600_000).nar).unwrap();
        fs::write(large.join("text"), "all work and no play\n".repeat(50_000)).unwrap();
        let closure = Closure::of(&[("small-1.0", &small), ("large-1.0", &large)]);
        let store = LocalStore::open(Place::below(closure.root())).unwrap();
        let top = StoreDir::default().parse(closure.top()).unwrap();
        let infos: Vec<_> = store.closure([&top]).unwrap().iter().cloned().collect();
        assert_eq!(infos.len(), 3);
        Self { closure, key: SecretKey::generate("host-1").unwrap(), infos }
    }

    /// Has Nix copy all to a new cache; its folder.
    pub(crate) fn copy(&self, compression: &str) -> TempDir {
        let key = self.closure.root().join("key");
        fs::write(&key, self.key.expose()).unwrap();
        self.copy_with(&format!("compression={compression}&secret-key={}", key.display()))
    }

    /// Has Nix copy all to a new cache with these settings; its folder.
    pub(crate) fn copy_with(&self, settings: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}?{settings}", folder.path().display());
        let mut copy = nix("nix", self.closure.root());
        copy.args(["--extra-experimental-features", "nix-command", "copy", "--to", &url, self.closure.top()]);
        succeed(&mut copy);
        folder
    }

    pub(crate) fn upstream(&self, url: &str) -> Upstream {
        Upstream { url: Url::parse(url).unwrap(), keys: vec![self.key.public()] }
    }

    pub(crate) fn large(&self) -> &PathInfo {
        self.infos.iter().max_by_key(|info| info.nar_size).unwrap()
    }

    pub(crate) fn nar(&self, info: &PathInfo) -> Vec<u8> {
        dump(&Place::below(self.closure.root()).file(&info.path), Vec::new()).unwrap()
    }

    /// Fetches everything from the cache at `url`; the bytes that were received.
    async fn fetch_all(&self, url: &str) -> u64 {
        let upstreams = upstreams(vec![self.upstream(url)]);
        let mut received = 0;
        for (info, (result, got)) in
            self.infos.iter().zip(join_all(self.infos.iter().map(|info| fetch(&upstreams, info))).await)
        {
            received += result.unwrap_or_else(|error| panic!("{}: {}", info.path, said(&error))).received;
            assert_eq!(got, self.nar(info));
        }
        received
    }
}

pub(crate) fn folder_url(folder: &TempDir) -> String {
    format!("file://{}", folder.path().display())
}

/// The one file of a cache that holds the large path's NAR.
fn largest(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder.join("nar")).unwrap().map(|entry| entry.unwrap().path());
    files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

async fn every_path_comes(compression: &str) {
    let made = Made::new();
    let folder = made.copy(compression);
    let bytes: u64 = fs::read_dir(folder.path().join("nar"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(made.fetch_all(&folder_url(&folder)).await, bytes);
    assert_eq!(made.fetch_all(Nginx::serve(folder.path()).url()).await, bytes);
}

#[tokio::test]
async fn every_path_comes_uncompressed() {
    every_path_comes("none").await;
}

#[tokio::test]
async fn every_path_comes_from_xz() {
    every_path_comes("xz").await;
}

#[tokio::test]
async fn every_path_comes_from_zstd() {
    every_path_comes("zstd").await;
}

#[tokio::test]
async fn every_path_comes_from_bzip2() {
    every_path_comes("bzip2").await;
}

#[tokio::test]
async fn every_path_comes_from_gzip() {
    every_path_comes("gzip").await;
}

#[tokio::test]
async fn every_path_comes_from_brotli() {
    every_path_comes("br").await;
}

#[tokio::test]
async fn every_path_comes_from_lz4() {
    every_path_comes("lz4").await;
}

#[tokio::test]
async fn every_path_comes_from_lzip_and_lzma() {
    every_path_comes("lzip").await;
    every_path_comes("lzma").await;
}

#[tokio::test]
async fn no_compression_named_means_bzip2() {
    let made = Made::new();
    let folder = made.copy("bzip2");
    for entry in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|end| end == "narinfo") {
            let text = fs::read_to_string(&entry).unwrap();
            fs::write(&entry, text.replace("Compression: bzip2\n", "")).unwrap();
        }
    }
    made.fetch_all(&folder_url(&folder)).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_gets_through() {
    let made = Made::new();
    let folder = made.copy("xz");
    let nginx = Nginx::serve(folder.path());
    let proxy = Proxy::before(nginx.url().trim_start_matches("http://").parse().unwrap()).await;
    proxy.set(Faults { down: Fault { cut_after: Some(200_000), ..Fault::default() }, ..Faults::default() });
    let upstreams = upstreams(vec![made.upstream(&proxy.url())]);
    let (result, got) = fetch(&upstreams, made.large()).await;
    // Nothing of it came twice.
    assert_eq!(result.unwrap().received, largest(folder.path()).metadata().unwrap().len());
    assert_eq!(got, made.nar(made.large()));
}

#[tokio::test]
async fn a_nar_that_was_cut_short_on_the_servers_disk_is_found_out() {
    let made = Made::new();
    for compression in ["xz", "zstd", "bzip2", "gzip", "br", "lz4", "lzip", "lzma", "none"] {
        let folder = made.copy(compression);
        let file = largest(folder.path());
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1000]).unwrap();
        let upstreams = upstreams(vec![made.upstream(&folder_url(&folder))]);
        let error = fetch(&upstreams, made.large()).await.0.unwrap_err();
        assert!(matches!(error, UpstreamError::Content { .. }), "{compression}: {error:?}");
    }
}

#[tokio::test]
async fn what_another_key_signed_is_not_taken_from_a_cache_of_nix() {
    let made = Made::new();
    let folder = made.copy("xz");
    let other = SecretKey::generate("host-1").unwrap();
    let upstream = Upstream { keys: vec![other.public()], ..made.upstream(&folder_url(&folder)) };
    let error = fetch(&upstreams(vec![upstream]), made.large()).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::Unsigned { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate() {
    let made = Made::new();
    let folder = made.copy("zstd");
    let nginx = Nginx::serve_tls(folder.path());
    let certificates = Some(nginx.certificate());
    let fetch = async |certificates| {
        let options = UpstreamOptions { certificates, ..options() };
        let list = vec![made.upstream(nginx.url())];
        fetch(&Upstreams::new(list, StoreDir::default(), options).unwrap(), made.large()).await
    };
    let (result, got) = fetch(certificates).await;
    result.unwrap_or_else(|error| panic!("{}", said(&error)));
    assert_eq!(got, made.nar(made.large()));

    let other = Nginx::serve_tls(folder.path());
    for (certificates, wanted) in [
        (folder.path().join("none"), "cannot read the certificates"),
        (other.certificate(), "invalid peer certificate"),
    ] {
        let error = fetch(Some(certificates)).await.0.unwrap_err();
        assert!(error.is_outage() && said(&error).contains(wanted), "{}", said(&error));
    }
}
