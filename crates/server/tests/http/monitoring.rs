//! Metrics and health, read over the wire, and made untrue on purpose.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use snowbank_catalog::rooms::JobKind;
use snowbank_server::http::serve_monitoring;
use snowbank_server::service::{Call, Exposition, JobEnd, Outcome, Place, Protocol, Reason, Reservation};
use snowbank_server::settings::{ByteSize, CacheSettings};
use tokio::net::TcpListener;

use crate::pulls::{closure, messages};
use crate::support::{Answer, Server, VERSION, noise};

pub(crate) async fn scrape(server: &Server) -> String {
    server.service.metrics_text(Exposition::Prometheus).await
}

/// The value of a series, written as the format has it.
#[track_caller]
pub(crate) fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

async fn ask(server: &Server, token: &str, accept: &str) -> Answer {
    let head =
        format!("GET /metrics HTTP/1.1\nHost: {{host}}\nAuthorization: Bearer {{token}}\nAccept: {accept}");
    server.replay_as(token, &head, b"").await
}

#[tokio::test]
async fn metrics_are_for_administrators() {
    let server = Server::start().await;
    assert_eq!(server.bare("GET", "/metrics", &[], b"").await.status, 401);
    assert_eq!(ask(&server, &server.token(), "*/*").await.status, 403);
    assert_eq!(ask(&server, &server.admin(), "*/*").await.status, 200);
}

#[tokio::test]
async fn metrics_may_be_everybodys() {
    let server = Server::with(|settings| settings.metrics.public = true).await;
    assert_eq!(server.bare("GET", "/metrics", &[], b"").await.status, 200);
}

#[tokio::test]
async fn each_reader_gets_the_form_that_it_reads() {
    let server = Server::start().await;
    let asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let open = ask(&server, &server.admin(), asked).await;
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.text().ends_with("# EOF\n"));
    let classic = ask(&server, &server.admin(), "*/*").await;
    assert!(classic.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(!classic.text().contains("# EOF"));
}

#[tokio::test]
async fn lookups_are_counted_by_what_they_found() {
    let server = Server::with(|settings| {
        settings.caches.insert("team".into(), CacheSettings { public: true, ..CacheSettings::default() });
    })
    .await;
    server.save("key-1", b"content").await;
    server.lookup("key-1").await;
    server.lookup("key-").await;
    server.lookup("other").await;
    let older = format!(
        "GET /_apis/artifactcache/cache?keys=other,key&version={VERSION} HTTP/1.1\nHost: {{host}}\nAuthorization: Bearer {{token}}"
    );
    assert_eq!(server.replay(&older, b"").await.status, 200);
    let info = "/nix/team/00bgd045z0d4icpbc2yyz4gx48ak44la.narinfo";
    assert_eq!(server.bare("GET", info, &[], b"").await.status, 404);
    let absent = ["1", "2"].map(|digit| digit.repeat(32)).to_vec();
    messages(&closure(&server, "", "team", absent, &[]).await);
    let text = scrape(&server).await;
    let count = |name: &str, protocol: &str, outcome: &str| {
        let labels = format!("repository=\"{name}\",protocol=\"{protocol}\",outcome=\"{outcome}\"");
        value(&text, &format!("snowbank_lookups_total{{{labels}}}"))
    };
    for outcome in ["hit", "partial", "miss"] {
        assert!((count("acme/app", "v2", outcome) - 1.0).abs() < f64::EPSILON, "{outcome}: {text}");
    }
    assert!((count("acme/app", "v1", "partial") - 1.0).abs() < f64::EPSILON, "{text}");
    assert!((count("team", "nix", "miss") - 3.0).abs() < f64::EPSILON, "{text}");
}

/// A stranger's request makes no series of its name.
#[tokio::test]
async fn who_is_not_let_in_is_not_counted_by_name() {
    let server = Server::start().await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
    server.twirp_as("nonsense", "GetCacheEntryDownloadURL", &body).await;
    server.bare("GET", "/nix/secret-cache/nix-cache-info", &[], b"").await;
    server.bare("GET", "/repos/secret-owner/x/actions/caches", &[], b"").await;
    let text = scrape(&server).await;
    assert!(!text.contains("secret-"), "{text}");
    let refused = r#"snowbank_http_requests_total{protocol="v2",call="lookup",status="4xx"}"#;
    assert!((value(&text, refused) - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn bytes_and_times_are_counted_by_protocol_and_call() {
    let server = Server::start().await;
    let content = noise(100_000);
    server.save("k", &content).await;
    assert_eq!(server.restore("k").await, content);
    let text = scrape(&server).await;
    for direction in ["received", "sent"] {
        let series = format!("snowbank_http_{direction}_bytes_total{{protocol=\"blobs\"}}");
        assert!(value(&text, &series) >= 100_000.0, "{text}");
    }
    let series = r#"snowbank_http_request_duration_seconds_count{protocol="blobs",call="upload"}"#;
    assert!((value(&text, series) - 1.0).abs() < f64::EPSILON);
    assert!((value(&text, "snowbank_entries") - 1.0).abs() < f64::EPSILON);
    assert!((value(&text, r#"snowbank_reservations_total{outcome="granted"}"#) - 1.0).abs() < f64::EPSILON);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
}

/// However often somebody reads: what has just been counted is not counted again.
#[tokio::test]
async fn reading_again_does_not_ask_the_catalog_again() {
    let server = Server::start().await;
    let before = scrape(&server).await;
    server.save("k", b"content").await;
    let after = scrape(&server).await;
    assert_eq!(value(&before, "snowbank_entries").to_bits(), value(&after, "snowbank_entries").to_bits());
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_and_delays_nobody() {
    let server = Server::start().await;
    server.service.close().await.unwrap();
    let text = scrape(&server).await;
    assert!(value(&text, "snowbank_catalog_up").abs() < f64::EPSILON);
    assert!(value(&text, "snowbank_database_errors_total") > 0.0);
    assert!(!text.contains("snowbank_entries "), "what is not known is not told: {text}");
    assert_eq!(server.bare("GET", "/healthz", &[], b"").await.status, 200, "a new start would not help");
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    assert_eq!((ready.status, ready.json()["database"].as_str()), (503, Some("cannot be written to")));
}

#[tokio::test]
async fn who_is_well_is_ready() {
    let server = Server::start().await;
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    let expected = serde_json::json!({
        "ready": true, "database": "ok", "storage": "ok", "disk": "ok", "stopping": false,
    });
    assert_eq!((ready.status, ready.json()), (200, expected));
    assert_eq!(server.left_behind().await, Vec::<String>::new(), "the probe's object went");
}

#[tokio::test]
async fn a_storage_that_keeps_nothing_is_told() {
    let server = Server::start().await;
    let bucket = server.folder.path().join("bucket");
    std::fs::remove_dir_all(&bucket).unwrap();
    std::fs::write(&bucket, b"in the way").unwrap();
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    assert_eq!(
        (ready.status, ready.json()["storage"].as_str()),
        (503, Some("does not keep what is written"))
    );
    assert_eq!(ready.json()["database"], "ok");
}

#[tokio::test]
async fn a_schema_that_a_newer_program_made_is_told() {
    let server = Server::start().await;
    let catalog = rusqlite::Connection::open(server.folder.path().join("catalog.db")).unwrap();
    catalog.execute("UPDATE snowbank_schema SET version = 9999", []).unwrap();
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    assert_eq!(ready.json()["database"], "was changed by a newer version of this program");
}

/// Another program has the database for itself.
#[tokio::test]
async fn a_database_that_is_locked_is_told() {
    let server = Server::start().await;
    let other = rusqlite::Connection::open(server.folder.path().join("catalog.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    assert_eq!((ready.status, ready.json()["database"].as_str()), (503, Some("does not answer in time")));
}

#[tokio::test]
async fn a_disk_without_room_for_a_pack_is_told() {
    let server = Server::with(|settings| settings.chunks.pack = ByteSize(1 << 62)).await;
    let ready = server.bare("GET", "/readyz", &[], b"").await;
    assert_eq!((ready.status, ready.json()["disk"].as_str()), (503, Some("has no room for a pack")));
}

#[tokio::test]
async fn the_address_for_metrics_is_open_and_tells_of_the_end() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let served = tokio::spawn(serve_monitoring(listener, server.service.clone(), stop.clone()));
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/metrics").await.0, 200);
    assert_eq!(get("/readyz").await.0, 200);
    assert_eq!(get("/api/v1/usage").await.0, 404, "nothing else is there");
    server.stop.cancel();
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while get("/readyz").await.0 == 200 {}
        get("/readyz").await.1
    });
    assert!(told.await.unwrap().contains("\"stopping\":true"));
    stop.cancel();
    served.await.unwrap().unwrap();
}

/// Metrics of a server that has something to tell of each kind.
async fn all_metrics() -> String {
    let server = Server::with(|settings| settings.max_disk = Some(ByteSize(1 << 30))).await;
    let metrics = server.service.metrics();
    metrics.lookup("acme/app", Protocol::V2, Outcome::Hit);
    metrics.answered(Protocol::V2, Call::Lookup, 200, Duration::ZERO);
    metrics.carried(Protocol::V2, 1, 1);
    metrics.evicted(Reason::Idle, 1, 1);
    metrics.reservation(Reservation::Granted);
    metrics.damaged(Place::Lookup);
    metrics.job(JobKind::Recode, JobEnd::Done);
    scrape(&server).await
}

/// Names of all metrics that there can be, as samples have them.
async fn all_names() -> BTreeSet<String> {
    let text = all_metrics().await;
    let name = |line: &str| line.split(['{', ' ']).next().unwrap().to_owned();
    text.lines().filter(|line| !line.starts_with('#')).map(name).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Everything in a text that is a metric's name.
fn names_in(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let is_name = |word: &&str| word.starts_with("snowbank_") || word.starts_with("process_");
    text.split(word).filter(is_name).map(str::to_owned).collect()
}

fn family(name: &str) -> &str {
    let histogram = |ending| name.strip_suffix(ending).filter(|name| name.ends_with("_seconds"));
    ["_bucket", "_count", "_sum"].into_iter().find_map(histogram).unwrap_or(name)
}

#[tokio::test]
async fn the_page_on_monitoring_has_every_metric_and_no_other() {
    let page = std::fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told = names_in(&rows.collect::<Vec<_>>().join(" "));
    let there: BTreeSet<String> = all_names().await.iter().map(|name| family(name).to_owned()).collect();
    assert_eq!(told, there);
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let there = all_names().await;
    let dashboard = std::fs::read_to_string(root().join("deploy/grafana/snowbank.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut queries: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() > 20, "{queries:?}");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    queries.extend(variables.iter().filter_map(|variable| variable["query"].as_str().map(str::to_owned)));
    queries.push(std::fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).unwrap());
    for query in queries {
        let unknown: Vec<String> = names_in(&query).difference(&there).cloned().collect();
        assert_eq!(unknown, Vec::<String>::new(), "{query}");
    }
}

/// Where Prometheus' own tool is installed, which is a large package.
#[tokio::test]
async fn prometheus_itself_finds_nothing_wrong() {
    let promtool = |arguments: &[&str]| {
        let mut command = Command::new("promtool");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().ok()
    };
    let Some(mut metrics) = promtool(&["check", "metrics"]) else { return };
    let text = all_metrics().await;
    metrics.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = metrics.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let rules = root().join("deploy/prometheus/alerts.yml");
    let checked = promtool(&["check", "rules", rules.to_str().unwrap()]).unwrap().wait_with_output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
