//! What images are made of, and what is known of their layers, from the built server: store paths that were pushed or
//! saved are read with no store on disk, and records stay where who wrote them may write.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use snowbank_actions::client::{CacheClient, Options, Patience, Token};
use snowbank_binary_cache::upstream::{UpstreamOptions, Upstreams};
use snowbank_client::image::records::{CacheRecords, Records, RecordsError, SeriesRecords};
use snowbank_client::image::source::{FromCache, FromSnapshot, ImageSource, Means, SourceError};
use snowbank_client::observer::Silence;
use snowbank_client::pull::Trust;
use snowbank_client::series::{Key, Naming, Versions};
use snowbank_client::site::{Effort, Site};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Writer, dump};
use snowbank_nix::store::Place;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::compression::Compression;
use snowbank_oci::digest::Digest;
use snowbank_oci::record::{LayerKey, LayerRecord};
use snowbank_oci::tree::Trees;
use snowbank_testkit::closure::Closure;
use snowbank_testkit::noise::noise;
use snowbank_testkit::snowbank::Snowbank;
use tempfile::TempDir;

const REPOSITORY: &str = "acme/app";
const MAIN: &str = "refs/heads/main:rw";

/// A server with a private cache, and the folder of its configuration.
fn server() -> (Snowbank, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snowbank.toml");
    std::fs::write(&config, "[caches.team]\nowner = 'acme'\n").unwrap();
    let how =
        Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).arg("--config").arg(config.display().to_string());
    (how.start(), folder)
}

/// A store with two trees, a large one and one of many files, and a path that refers to them.
fn closure() -> Closure {
    let folder = tempfile::tempdir().unwrap();
    let (large, many) = (folder.path().join("large"), folder.path().join("many"));
    std::fs::create_dir_all(&large).unwrap();
    std::fs::create_dir_all(many.join("lib")).unwrap();
    std::fs::write(large.join("large.so"), &noise(20 << 20, 1)[..]).unwrap();
    std::os::unix::fs::symlink("large.so", large.join("link")).unwrap();
    (0..200)
        .for_each(|at| std::fs::write(many.join(format!("lib/{at}.py")), format!("print({at})\n")).unwrap());
    Closure::of(&[("large", &large), ("many", &many)])
}

fn path(text: &str) -> StorePath {
    StoreDir::default().parse(text).unwrap()
}

fn means() -> Means {
    let upstreams = Upstreams::new(Vec::new(), StoreDir::default(), UpstreamOptions::default()).unwrap();
    Means { upstreams: Arc::new(upstreams), observer: Arc::new(Silence) }
}

/// Runs the program on a store.
fn snowbank(root: &Path, token: &str, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    for name in ["GITHUB_ACTIONS", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN", "NIX_CONFIG"] {
        command.env_remove(name);
    }
    command.env("SNOWBANK_TOKEN", token).env("HOME", root).env("XDG_STATE_HOME", root);
    let output =
        command.args(&arguments[..1]).arg("--store").arg(root).args(&arguments[1..]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Compares what is read of every path with what is on the disk.
async fn is_all(source: &ImageSource, made: &Closure) {
    let place = Place::below(made.root());
    assert_eq!(source.closure().len(), made.paths().len());
    let reading = made.paths().into_iter().map(|text| {
        let (trees, place, path) = (source.trees(), place.clone(), path(&text));
        tokio::task::spawn_blocking(move || {
            let wanted = NarHash::of(&dump(&place.file(&path), Vec::new()).unwrap());
            assert_eq!(NarHash::of(&nar(&*trees, &path)), wanted, "{path}");
        })
    });
    for done in reading.collect::<Vec<_>>() {
        done.await.unwrap();
    }
}

fn nar(trees: &dyn Trees, path: &StorePath) -> Vec<u8> {
    let mut nar = Vec::new();
    let mut writer = Writer::new(&mut nar).unwrap();
    let mut tree = trees.open(path).unwrap();
    while let Some(event) = tree.next_event().unwrap() {
        writer.event(&event).unwrap();
    }
    writer.finish().unwrap();
    nar
}

fn site(server: &Snowbank, rights: &str) -> Site {
    let token = server.run(&["token", "create", "--cache", rights]);
    let place = format!("{}/nix/team", server.url()).parse().unwrap();
    Site::new(place, Some(token.trim()), "test", Effort::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_closure_is_read_with_no_store_on_disk() {
    let (server, _folder) = server();
    let made = closure();
    let token = server.run(&["token", "create", "--cache", "team:push"]);
    let url = format!("{}/nix/team", server.url());
    snowbank(
        made.root(),
        token.trim(),
        &["push", "--upstream", "file:///nonexistent", "--to", &url, made.top()],
    );
    let site = site(&server, "team:pull");
    let keys = snowbank_client::set_up::about(&site).await.unwrap().public_keys;
    let open = async |trust: Trust, root: &StorePath| {
        let (site, dir, means) = (site.clone(), StoreDir::default(), means());
        let elsewhere = Upstreams::clone(&means.upstreams);
        let from = FromCache { site, dir, trust, elsewhere, means };
        ImageSource::open_cache(from, std::slice::from_ref(root)).await
    };
    let source = open(Trust::Keys(keys), &path(made.top())).await.unwrap();
    is_all(&source, &made).await;
    // Nobody's signature is needed where the content proves it.
    is_all(&open(Trust::Keys(Vec::new()), &path(made.top())).await.unwrap(), &made).await;
    let nowhere = path("/nix/store/00000000000000000000000000000000-x");
    let Err(error) = open(Trust::All, &nowhere).await else { panic!() };
    assert!(error.to_string().contains(&nowhere.to_string()), "{error}");
}

fn client(server: &Snowbank, scopes: &[&str]) -> CacheClient {
    let token = Token::new(server.token(REPOSITORY, scopes));
    let patience = Patience { attempts: 3, ..Patience::default() };
    let url = server.url().to_owned();
    CacheClient::new(Options { url, token, user_agent: "snowbank".to_owned(), patience }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_closure_is_read_with_no_store_on_disk() {
    let (server, _folder) = server();
    let made = closure();
    let token = server.token(REPOSITORY, &[MAIN]);
    snowbank(made.root(), &token, &["save", "--remote", server.url(), "--key", "k", made.top()]);
    let client = client(&server, &[MAIN]);
    let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let versions = Versions::new(&system, &StoreDir::default());
    let open = async |key: &str| {
        let key: Key = key.parse().unwrap();
        let from = FromSnapshot {
            client: &client,
            versions: &versions,
            naming: Naming::Generations,
            key: &key,
            prefixes: &[],
            means: means(),
        };
        ImageSource::open_snapshot(from, &[path(made.top())]).await
    };
    is_all(&open("k").await.unwrap(), &made).await;
    let Err(error) = open("other").await else { panic!() };
    assert!(matches!(error, SourceError::NoSnapshot(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_has_is_told_with_the_paths_that_it_lacks() {
    let made = closure();
    let place = Place::below(made.root());
    let source = ImageSource::open_store(&place, Arc::new(Nothing), &[path(made.top())]).await.unwrap();
    assert_eq!(source.closure().len(), made.paths().len());
    let nowhere = path("/nix/store/00000000000000000000000000000000-x");
    let error = source.infos(&[path(made.top()), nowhere.clone()]).await.unwrap_err();
    assert!(matches!(error, SourceError::Absent(paths) if paths == [nowhere]));
}

/// No content.
struct Nothing;

impl Trees for Nothing {
    fn open(
        &self,
        path: &StorePath,
    ) -> Result<Box<dyn snowbank_oci::tree::Tree>, snowbank_oci::tree::TreeError> {
        Err(snowbank_oci::tree::TreeError { path: path.clone(), source: "nothing is here".into() })
    }
}

fn layer(number: u8, size: u64) -> (LayerKey, LayerRecord) {
    let record = LayerRecord {
        diff_id: Digest::of(&[number]),
        diff_size: Some(3 * size),
        digest: Digest::of(&size.to_le_bytes()),
        size,
        compression: Compression::Zstd,
    };
    (LayerKey::from_bytes([number; 32]), record)
}

fn all(layers: &[(LayerKey, LayerRecord)]) -> HashMap<LayerKey, LayerRecord> {
    layers.iter().copied().collect()
}

const KEYS: [LayerKey; 3] =
    [LayerKey::from_bytes([1; 32]), LayerKey::from_bytes([2; 32]), LayerKey::from_bytes([3; 32])];

#[tokio::test(flavor = "multi_thread")]
async fn records_in_a_cache_are_read_by_all_and_written_by_who_may_push() {
    let (server, _folder) = server();
    let pusher = CacheRecords { site: site(&server, "team:push") };
    let reader = CacheRecords { site: site(&server, "team:pull") };
    assert_eq!(pusher.known(&KEYS).await.unwrap(), HashMap::new());
    pusher.add(&[layer(1, 10), layer(2, 20)]).await.unwrap();
    pusher.add(&[layer(2, 21)]).await.unwrap();
    assert_eq!(reader.known(&KEYS).await.unwrap(), all(&[layer(1, 10), layer(2, 21)]));
    let error = reader.add(&[layer(1, 11)]).await.unwrap_err();
    assert!(
        matches!(&error, RecordsError::Cache(cause) if cause.to_string().contains("may not push")),
        "{error:?}"
    );
    // More than fit in a message.
    let many: Vec<_> = (0..5000_u32)
        .map(|at| (LayerKey::from_bytes(*Digest::of(&at.to_le_bytes()).bytes()), layer(1, 7).1))
        .collect();
    pusher.add(&many).await.unwrap();
    let keys: Vec<LayerKey> = many.iter().map(|(key, _)| *key).collect();
    assert_eq!(reader.known(&keys).await.unwrap().len(), 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_beside_snapshots_are_seen_as_the_service_has_it() {
    let (server, _folder) = server();
    let records = |scopes: &[&str]| {
        let client = client(&server, scopes);
        (SeriesRecords::new(client.clone(), "ghcr.io/acme/app").unwrap(), client)
    };
    let pull = ["refs/pull/1/merge:rw", "refs/heads/main:r"];
    let (main, traffic) = records(&[MAIN]);
    assert_eq!(main.known(&KEYS).await.unwrap(), HashMap::new());
    main.add(&[layer(1, 10)]).await.unwrap();
    // Saved only where there is news.
    let before = traffic.traffic().requests;
    main.add(&[layer(1, 10)]).await.unwrap();
    main.add(&[]).await.unwrap();
    assert_eq!(traffic.traffic().requests, before);
    assert_eq!(records(&pull).0.known(&KEYS).await.unwrap(), all(&[layer(1, 10)]));
    let (request, _) = records(&pull);
    request.add(&[layer(1, 11), layer(2, 20)]).await.unwrap();
    assert_eq!(records(&pull).0.known(&KEYS).await.unwrap(), all(&[layer(1, 11), layer(2, 20)]));
    assert_eq!(records(&[MAIN]).0.known(&KEYS).await.unwrap(), all(&[layer(1, 10)]));
    assert_eq!(
        records(&["refs/pull/2/merge:rw", "refs/heads/main:r"]).0.known(&KEYS).await.unwrap().len(),
        1
    );
    let error = records(&["refs/heads/main:r"]).0.add(&[layer(3, 30)]).await.unwrap_err();
    assert!(matches!(error, RecordsError::Denied(_)), "{error:?}");
    // Other images have their own.
    let other = SeriesRecords::new(client(&server, &[MAIN]), "ghcr.io/acme/other").unwrap();
    assert_eq!(other.known(&KEYS).await.unwrap(), HashMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_save_records_at_once_add_to_each_other() {
    let (server, _folder) = server();
    let records = || SeriesRecords::new(client(&server, &[MAIN]), "app").unwrap();
    let (one, two) = (records(), records());
    // Both have seen that there is nothing.
    one.known(&KEYS).await.unwrap();
    two.known(&KEYS).await.unwrap();
    let (first, second) = ([layer(1, 10)], [layer(2, 20)]);
    let (added, also) = tokio::join!(one.add(&first), two.add(&second));
    added.and(also).unwrap();
    assert_eq!(records().known(&KEYS).await.unwrap(), all(&[layer(1, 10), layer(2, 20)]));
}
