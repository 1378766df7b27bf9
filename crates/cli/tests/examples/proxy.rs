//! The example's nginx before a server: what jobs and Nix send and fetch passes through it as it comes.

use std::process::Command;

use snowbank_testkit::closure::{Closure, nix, succeed};
use snowbank_testkit::nginx::Nginx;
use snowbank_testkit::noise::noise;
use snowbank_testkit::npm::{NpmClient, Protocol, Release};
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::{BINARY, MAIN, REPO};
use crate::yaml::text;

/// Bytes that are sent each time, more than any default of a proxy lets through.
const SIZE: usize = 100_000_000;

/// The example's proxy before a server, without TLS, which changes nothing of the rest.
fn proxy(server: &Snowbank) -> Nginx {
    let example = text("server/nginx.conf").replace("http://127.0.0.1:8484", server.url());
    let without: String = example
        .lines()
        .filter(|line| !line.trim().starts_with("ssl_"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(without.contains("listen 443 ssl;"));
    Nginx::with_server(|port| without.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};")))
}

fn server() -> (Snowbank, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snowbank.toml");
    std::fs::write(&file, "[caches.team]\n").unwrap();
    (Snowbank::builder(BINARY).arg("--config").arg(file.display().to_string()).start(), folder)
}

/// nginx tells when it writes a body to its disk.
fn passed_on(proxy: &Nginx) {
    let said = proxy.output();
    assert!(!said.contains("buffered to a temporary file"), "{said}");
}

#[test]
fn an_archive_of_a_job_passes() {
    let (server, _folder) = server();
    let proxy = proxy(&server);
    let client = NpmClient::new(Release::V6, Protocol::V2, proxy.url(), &server.token(REPO, &[MAIN]));
    let content = noise(SIZE, 1);
    client.write("data", &content);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let saved = runtime.block_on(client.save(&["data"], "k"));
    assert!(saved.saved.is_some(), "{}", saved.output);
    let other = client.elsewhere();
    let found = runtime.block_on(other.restore(&["data"], "k", &[]));
    assert_eq!(found.matched.as_deref(), Some("k"), "{}", found.output);
    assert!(other.read("data").as_deref() == Some(&content[..]), "the content came back changed");
    passed_on(&proxy);
}

#[test]
fn what_nix_and_our_client_push_and_pull_passes() {
    let (server, folder) = server();
    let proxy = proxy(&server);
    let url = format!("{}/nix/team", proxy.url());
    let token = server.run(&["token", "create", "--cache", "team:push"]);
    let netrc = folder.path().join("netrc");
    std::fs::write(&netrc, format!("machine 127.0.0.1 login x password {token}")).unwrap();
    let store = || {
        let root = tempfile::tempdir().unwrap();
        succeed(nix("nix-store", root.path()).arg("--verify"));
        root
    };
    let made = [2, 3].map(|seed| {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("large"), noise(SIZE, seed)).unwrap();
        Closure::of(&[("large", tree.path())])
    });
    let copy = |root: &std::path::Path, arguments: &[&str], path: &str| {
        let mut command = snowbank_testkit::tools::command("nix");
        command.args(["--extra-experimental-features", "nix-command", "copy", "--no-check-sigs"]);
        command.args(arguments).arg(path).arg("--option").arg("netrc-file").arg(&netrc);
        command.env("NIX_CONF_DIR", "/nonexistent").env("HOME", root).env_remove("XDG_CACHE_HOME");
        succeed(&mut command);
    };
    let ours = |root: &std::path::Path, arguments: &[&str], path: &str| {
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--store").arg(root).arg(path).env("SNOWBANK_TOKEN", token.trim());
        succeed(&mut command);
    };
    let root = |made: &Closure| made.root().display().to_string();
    // Nix pushes what our client pulls, and the other way round.
    copy(
        folder.path(),
        &["--from", &root(&made[0]), "--to", &format!("{url}?compression=zstd")],
        made[0].top(),
    );
    ours(made[1].root(), &["push", "--to", &url], made[1].top());
    let (one, two) = (store(), store());
    ours(one.path(), &["pull", "--min-free", "1MB", "--no-check-sigs", "--from", &url], made[0].top());
    copy(folder.path(), &["--from", &url, "--to", &two.path().display().to_string()], made[1].top());
    for (store, made) in [(&one, &made[0]), (&two, &made[1])] {
        assert_eq!(snowbank_testkit::closure::requisites(store.path(), made.top()), made.paths());
    }
    passed_on(&proxy);
}
