//! What a server tells those who watch it: its log, its traces, its metrics.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

use crate::server::{MAIN, REPO, block_on, client, snowbank};

/// Names that no log may show, wherever a request has them.
const IN_QUERY: &str = "secret-in-the-query";
const IN_HEADER: &str = "secret-in-a-header";

fn http() -> reqwest::Client {
    // As the program does on its start; only the first of a process counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn get(url: String, token: Option<&str>) -> (u16, String) {
    let request = http().get(url).header("x-anything", IN_HEADER);
    let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Requests of every kind, and all secrets that they had.
fn be_asked(server: &Snowbank) -> Vec<String> {
    let token = server.token(REPO, &[MAIN]);
    let admin = server.run(&["token", "create", "--admin", "--expires", "1h"]).trim().to_owned();
    let mut secrets = vec![token.clone(), admin.clone(), IN_QUERY.to_owned(), IN_HEADER.to_owned()];
    block_on(async {
        let wire = WireClient::new(server.url(), &token);
        wire.save("key", "v", b"content").await.unwrap();
        let found = wire.lookup(&["key"], "v").await.unwrap().unwrap();
        let signature = found.url.split_once("sig=").unwrap().1.split('&').next().unwrap().to_owned();
        secrets.push(signature);
        assert_eq!(wire.fetch(&found.url).await.unwrap(), "content");
        let url = server.url();
        // A token in a path, as act has it, and one that is none.
        get(format!("{url}/{token}/_apis/artifactcache/cache?keys={IN_QUERY}&version=v"), Some(&token)).await;
        get(format!("{url}/nix/team/nix-cache-info?{IN_QUERY}"), Some(&format!("{token}x"))).await;
        get(format!("{url}/metrics?{IN_QUERY}"), Some(&admin)).await;
        get(format!("{url}/nothing?{IN_QUERY}"), Some(&admin)).await;
    });
    secrets
}

fn without_secrets(output: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!output.contains(secret.as_str()), "the log has {secret}: {output}");
    }
}

#[test]
fn no_secret_gets_into_the_log() {
    let server = snowbank().env("SNOWBANK_LOG", "debug").start();
    let secrets = be_asked(&server);
    let line = server.process().wait_for_line("a lookup that found something", |line| {
        (line.contains("outcome=\"hit\"")).then(|| line.to_owned())
    });
    for field in ["protocol=\"v2\"", "repository=\"acme/app\"", "received="] {
        assert!(line.contains(field), "no {field} in {line}");
    }
    without_secrets(&server.process().output(), &secrets);
}

#[test]
fn no_secret_gets_into_the_log_of_machines() {
    let server = snowbank().arg("--log-format").arg("json").env("SNOWBANK_LOG", "debug").start();
    let secrets = be_asked(&server);
    let fields = server.process().wait_for_line("a lookup that found something", |line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        (line["fields"]["outcome"] == "hit").then(|| line["fields"].clone())
    });
    assert_eq!((&fields["protocol"], &fields["repository"]), (&"v2".into(), &"acme/app".into()));
    assert!(fields["received"].as_u64().unwrap() > 0);
    without_secrets(&server.process().output(), &secrets);
}

#[test]
fn a_form_of_the_log_that_there_is_not_is_refused() {
    let serve = ["serve", "--log-format", "xml"];
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_snowbank")).args(serve).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let server = snowbank().env("SNOWBANK_METRICS_LISTEN", "127.0.0.1:0").start();
    let url = server.process().wait_for_line("the address for metrics", |line| {
        line.split_once("metrics at ").map(|(_, url)| url.trim().to_owned())
    });
    block_on(async {
        let (status, text) = get(url, None).await;
        assert_eq!(status, 200);
        assert!(text.contains("snowbank_build_info{version="), "{text}");
        assert_eq!(get(format!("{}/metrics", server.url()), None).await.0, 401);
    });
}

/// Paths and bodies.
type Got = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector of traces: what was sent where.
struct Collector {
    url: String,
    got: Got,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let got: Got = Arc::default();
        let take = async |State(got): State<Got>, Path(path), body| {
            got.lock().unwrap().push((path, body));
        };
        let router = Router::new().route("/{*path}", post(take)).with_state(Arc::clone(&got));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, got, _runtime: runtime }
    }

    /// The message that has these bytes in it, once it has come.
    fn wait_for(&self, part: &[u8]) -> (String, Bytes) {
        let begun = Instant::now();
        loop {
            let has = |(_, body): &&(String, Bytes)| has(body, part);
            if let Some(found) = self.got.lock().unwrap().iter().find(has) {
                return found.clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing came with {part:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn has(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn ask_within_a_trace(server: &Snowbank) -> String {
    let token = server.token(REPO, &[MAIN]);
    block_on(async {
        let url = format!("{}/_apis/artifactcache/cache?keys=k&version=v", server.url());
        let request = http().get(url).bearer_auth(&token);
        let answer = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
    });
    token
}

#[test]
fn a_request_is_part_of_its_clients_trace() {
    let collector = Collector::start();
    let server = snowbank()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_SERVICE_NAME", "snow-in-a-test")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .start();
    let token = ask_within_a_trace(&server);
    let (path, body) = collector.wait_for(&hex::decode(TRACE).unwrap());
    assert_eq!(path, "v1/traces");
    assert!(has(&body, &hex::decode(PARENT).unwrap()), "it is below its parent");
    for text in ["snow-in-a-test", "v1 lookup", "snowbank.outcome", "acme/app"] {
        assert!(has(&body, text.as_bytes()), "{text}");
    }
    assert!(!has(&body, token.as_bytes()), "no token is sent");
}

/// What was not sent yet is sent at the end.
#[test]
fn a_collector_may_be_named_by_a_setting() {
    let collector = Collector::start();
    let mut server = snowbank()
        .env("SNOWBANK_TELEMETRY_ENDPOINT", format!("{}/", collector.url))
        .env("SNOWBANK_TELEMETRY_SERVICE_NAME", "snow-by-setting")
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .start();
    ask_within_a_trace(&server);
    assert!(server.terminate().success());
    let (path, _) = collector.wait_for(b"snow-by-setting");
    assert_eq!(path, "v1/traces");
}

/// Neither one that refuses nor one that never answers.
#[test]
fn a_collector_that_is_away_stops_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), refusing] {
        let mut server = snowbank()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
            .env("OTEL_BSP_SCHEDULE_DELAY", "10")
            .start();
        let wire = client(&server);
        block_on(async {
            wire.save("k", "v", b"content").await.unwrap();
            assert_eq!(wire.restore(&["k"], "v").await.unwrap().unwrap().1, "content");
        });
        assert!(server.terminate().success(), "{address}");
    }
}
