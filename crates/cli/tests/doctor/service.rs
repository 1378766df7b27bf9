//! The service: which one, whether it answers, what it speaks, whom it lets in.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use snowbank_testkit::proxy::{Faults, Proxy};

use crate::kit::{Desk, MAIN, REPO, block_on, save, server, token};

const JOB: (&str, &str) = ("GITHUB_ACTIONS", "true");

#[test]
fn a_server_that_lets_in_is_well() {
    let (desk, server) = (Desk::new(), server(&[]));
    let own = token(&server, MAIN);
    let said = desk.ask(&["--remote", server.url()], &[("SNOWBANK_TOKEN", &own)]);
    said.says("service", "ok", "a Snowbank server, and speaks version 2", "");
    said.says("token", "ok", "it writes refs/heads/main and reads refs/heads/main; it holds for 5 hours", "");
    said.says("line", "ok", "a question and its answer take", "");
    said.says("keys", "note", "nothing was saved yet", "--key");
    said.says("limit", "ok", "of 10.0 GB", "");
    // The same in a job, which is told of it.
    let told = [JOB, ("ACTIONS_RESULTS_URL", server.url()), ("ACTIONS_RUNTIME_TOKEN", &own)];
    let said = desk.ask(&[], &told);
    said.says("service", "ok", "a Snowbank server", "");
    said.says("actions-cache-v2-off", "note", "ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_SERVICE_V2=1");
}

#[test]
fn tokens_are_told_apart() {
    let (desk, server) = (Desk::new(), server(&[]));
    let remote = ["--remote", server.url()];
    desk.ask(&remote, &[]).says("token-missing", "problem", "127.0.0.1", "snowbank token create");
    desk.ask(&remote, &[("SNOWBANK_TOKEN", "eyJ.eyJ.x")]).says(
        "token-refused",
        "problem",
        "401",
        "token list",
    );
    let reader = server.token(REPO, &["refs/heads/main:r"]);
    let reader = [("SNOWBANK_TOKEN", reader.as_str())];
    desk.ask(&remote, &reader).says("token-read-only", "warning", MAIN, "fork");
    let other = desk.ask(&[&remote[..], &["--repo", "acme/other"]].concat(), &reader);
    other.says(
        "token-other-repository",
        "problem",
        "it is for acme/app, and acme/other is meant",
        "--repo acme/other",
    );
    let short =
        server.run(&["token", "create", "--repo", REPO, "--scope", "refs/heads/main:rw", "--expires", "1s"]);
    // The server allows for clocks that differ; an expired token of another server is refused at once.
    let second = crate::kit::server(&[]);
    std::thread::sleep(Duration::from_millis(1100));
    let expired = desk.ask(&["--remote", second.url()], &[("SNOWBANK_TOKEN", short.trim())]);
    expired.says("token-expired", "problem", "ago", "--expires");
}

#[test]
fn a_server_that_is_away_or_silent_is_a_finding() {
    let desk = Desk::new();
    let token = [("SNOWBANK_TOKEN", "unknown-token")];
    let away = desk.ask(&["--remote", "http://127.0.0.1:1"], &token);
    away.says("service-unreachable", "problem", "127.0.0.1:1", "is it running");
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    desk.ask(&["--remote", &url], &token).says("service-unreachable", "problem", "5 s", "firewall");
}

/// Answers version 1 and nothing else, as the caches of other forges do.
fn older(v1: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            let is_v1 =
                String::from_utf8_lossy(&request[..length]).starts_with("GET /_apis/artifactcache/cache?");
            let status = if is_v1 { v1 } else { "404 Not Found" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    url
}

#[test]
fn the_older_protocol_is_named() {
    let desk = Desk::new();
    let url = older("204 No Content");
    let told = [
        JOB,
        ("GITEA_ACTIONS", "true"),
        ("ACTIONS_RESULTS_URL", &*url),
        ("ACTIONS_RUNTIME_TOKEN", "unknown-token"),
    ];
    let said = desk.ask(&[], &told);
    said.says("service-v1-only", "problem", "answers version 1, and not version 2", "docs/self-hosted.md");
    assert!(said.get("service-v1-only")["title"].as_str().unwrap().ends_with("(Gitea)"));
    said.says("actions-cache-v1", "note", "version 1 only", "ACTIONS_CACHE_URL");
    let said = desk.ask(&["--remote", &older("404 Not Found")], &[("SNOWBANK_TOKEN", "unknown-token")]);
    said.says("service-foreign", "problem", "neither", "is the address right");
    let enterprise =
        [JOB, ("GITHUB_SERVER_URL", "https://git.acme.example"), ("ACTIONS_CACHE_URL", "http://x/")];
    let said = desk.ask(&[], &enterprise);
    said.says("service-v1-only", "problem", "ACTIONS_RESULTS_URL is not", "--remote URL");
    assert!(said.get("service-v1-only")["title"].as_str().unwrap().starts_with("GitHub Enterprise Server"));
}

#[test]
fn a_run_step_learns_why_it_knows_of_no_service() {
    let desk = Desk::new();
    desk.ask(&[], &[JOB]).says("service-untold", "problem", "no `run:` steps", "`uses` the snowbank action");
    desk.ask(&[], &[]).says("service-none", "note", "no job", "--remote");
    let folder = desk.at("work").display().to_string();
    desk.ask(&["--remote", &folder], &[]).says("service-folder", "ok", &folder, "");
    desk.ask(&["--remote", "new"], &[]).says("service-folder-new", "note", "there is no new", "");
    desk.ask(&["--remote", "s3://b"], &[]).says(
        "service-unusable",
        "problem",
        "neither an http URL nor a folder",
        "",
    );
    desk.ask(&["--offline", "--remote", "http://h"], &[("SNOWBANK_TOKEN", "unknown-token")]).says(
        "service-not-asked",
        "note",
        "h is named",
        "",
    );
}

#[test]
fn a_long_way_and_a_thin_line_are_told() {
    let (desk, server) = (Desk::new(), server(&[]));
    let own = token(&server, MAIN);
    let version = snowbank_actions::version::version(
        &["data"],
        Some(snowbank_actions::version::Compression::ZstdWithoutLong),
        false,
    );
    save(&server, "k", &version, MAIN, &snowbank_testkit::noise::noise(3_000_000, 1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(Proxy::before(server.url()["http://".len()..].parse().unwrap()));
    proxy.set(Faults::far(Duration::from_millis(200)));
    let url = proxy.url();
    let said = desk.ask(&["--remote", &url], &[("SNOWBANK_TOKEN", &own)]);
    said.says("line-far", "warning", "a question and its answer take", "nearer");
    proxy.set(Faults::default());
    let said = desk.ask(&["--remote", &url, "--key", "k", "--path", "data"], &[("SNOWBANK_TOKEN", &own)]);
    said.says("line", "ok", "/s come down; a restore fetches up to 3.0 MB, which take", "");
    block_on(async { drop(proxy) });
}
