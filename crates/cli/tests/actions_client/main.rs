//! The client of `snowbank-actions` against the built server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use snowbank_actions::client::{
    CacheClient, ClientError, Content, DownloadUrl, Found, Options, Patience, Reserved, Token,
};
use snowbank_testkit::noise::noise;
use snowbank_testkit::proxy::{Fault, Faults, Proxy};
use snowbank_testkit::snowbank::Snowbank;

const MIB: usize = 1 << 20;
const VERSION: &str = "5f2b6b0a";

fn server() -> Snowbank {
    Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).start()
}

fn client(server: &Snowbank, url: &str, scopes: &[&str], user_agent: &str) -> CacheClient {
    let token = Token::new(server.token("acme/app", scopes));
    let patience = Patience { attempts: 20, ..Patience::default() };
    CacheClient::new(Options { url: url.to_owned(), token, user_agent: user_agent.to_owned(), patience })
        .unwrap()
}

fn main_client(server: &Snowbank) -> CacheClient {
    client(server, server.url(), &["refs/heads/main:rw"], "snowbank")
}

async fn save(client: &CacheClient, key: &str, content: Content, size: usize) {
    let Reserved::New(to) = client.reserve(key, VERSION).await.unwrap() else { panic!("{key} is not new") };
    client.upload(&to, content).await.unwrap();
    assert!(client.finalize(key, VERSION, size as u64).await.unwrap() > 0);
}

async fn find(client: &CacheClient, key: &str) -> Option<Found> {
    client.lookup(key, &[], VERSION).await.unwrap()
}

async fn assert_reads(client: &CacheClient, from: &DownloadUrl, range: Range<usize>, whole: &[u8]) {
    let read = client.read(from, range.start as u64..range.end as u64).await.unwrap();
    assert_eq!(read.total, whole.len() as u64);
    assert!(read.bytes == whole[range.start..range.end.min(whole.len())], "{range:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_bytes_come_back_in_ranges() {
    let server = server();
    let client = main_client(&server);
    let content = noise(MIB, 1);
    save(&client, "small", Content::Bytes(content.clone().into()), content.len()).await;
    let found = find(&client, "small").await.unwrap();
    for range in [0..MIB, 0..1, 5..4097, MIB - 1..MIB, MIB - 10..MIB + 10] {
        assert_reads(&client, &found.url, range, &content).await;
    }
    let behind = client.read(&found.url, MIB as u64..MIB as u64 + 1).await.unwrap();
    assert_eq!((behind.bytes, behind.total), (Bytes::new(), MIB as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_contents_go_in_blocks_from_files_and_from_memory() {
    let server = server();
    let client = main_client(&server);
    let content = noise(140 * MIB, 2);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let from_file = Content::File { file: Arc::new(file), size: content.len() as u64 };
    save(&client, "file", from_file, content.len()).await;
    save(&client, "bytes", Content::Bytes(content.clone().into()), content.len()).await;
    // Two reservations, two finalizations, and twice three blocks and a list.
    assert_eq!(client.traffic().requests, 12);
    for key in ["file", "bytes"] {
        let found = find(&client, key).await.unwrap();
        for start in (0..content.len()).step_by(64 * MIB) {
            assert_reads(&client, &found.url, start..start + 64 * MIB, &content).await;
        }
        assert_reads(&client, &found.url, 64 * MIB - 5..64 * MIB + 5, &content).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_conflicts_and_scopes_are_the_services() {
    let server = server();
    let main = main_client(&server);
    let content = || Content::Bytes(Bytes::from_static(b"x"));
    save(&main, "os-deps-1", content(), 1).await;
    assert!(matches!(main.reserve("os-deps-1", VERSION).await.unwrap(), Reserved::Taken));
    let restore = main.lookup("os-deps-2", &["no".to_owned(), "os-".to_owned()], VERSION).await.unwrap();
    assert_eq!(restore.unwrap().key, "os-deps-1");
    assert!(main.lookup("os-deps-1", &[], "other").await.unwrap().is_none());

    let pull = client(&server, server.url(), &["refs/pull/1/merge:rw", "refs/heads/main:r"], "snowbank");
    assert!(find(&pull, "os-deps-1").await.is_some());
    save(&pull, "pull", content(), 1).await;
    assert!(find(&main, "pull").await.is_none());

    let reader = client(&server, server.url(), &["refs/heads/main:r"], "snowbank");
    assert!(matches!(reader.reserve("new", VERSION).await.unwrap(), Reserved::Denied(_)));
    let options = Options {
        url: server.url().to_owned(),
        token: Token::new("no.such.token"),
        user_agent: "snowbank".to_owned(),
        patience: Patience::default(),
    };
    let stranger = CacheClient::new(options).unwrap();
    let refused = stranger.lookup("os-deps-1", &[], VERSION).await;
    assert!(matches!(refused, Err(ClientError::Denied { .. })), "{refused:?}");
    let forged = DownloadUrl::parse(&format!("{}/a/b/c?sig=no", server.url())).unwrap();
    let refused = stranger.read(&forged, 0..1).await;
    assert!(matches!(refused, Err(ClientError::Gone { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_stay_right_while_an_entry_is_recoded() {
    let server = server();
    let client = main_client(&server);
    let content = noise(24 * MIB, 3);
    save(&client, "recoded", Content::Bytes(content.clone().into()), content.len()).await;
    let found = find(&client, "recoded").await.unwrap();
    for round in 0..200 {
        let start = round * 64 * 1021 % (23 * MIB);
        assert_reads(&client, &found.url, start..start + 100_000, &content).await;
        let usage = server.run(&["cache", "usage", "--json", "--server", server.url()]);
        if usage.contains("\"recoding\":0") || usage.contains("\"recoding\": 0") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_reads(&client, &found.url, 0..content.len(), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_again_and_again_is_read_through() {
    let server = server();
    let proxy = Proxy::before(server.url().strip_prefix("http://").unwrap().parse().unwrap()).await;
    let content = noise(4 * MIB, 4);
    save(&main_client(&server), "cut", Content::Bytes(content.clone().into()), content.len()).await;
    let url = find(&main_client(&server), "cut").await.unwrap().url;
    let through = || client(&server, &proxy.url(), &["refs/heads/main:rw"], "snowbank");
    let found = find(&through(), "cut").await.unwrap();
    assert_ne!(found.url.to_string(), url.to_string(), "the URL leads past the proxy");
    let fault = Fault { cut_after: Some(MIB as u64), ..Fault::default() };
    proxy.set(Faults { down: fault, ..Faults::default() });
    // A client whose connections are made from now on.
    let cut = through();
    assert_reads(&cut, &found.url, 0..content.len(), &content).await;
    assert!(cut.traffic().requests > 4, "{:?}", cut.traffic());
}
