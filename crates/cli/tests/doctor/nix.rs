//! Nix: its settings, its memory of a cache, and its store.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use snowbank_testkit::closure::{Closure, nix};
use snowbank_testkit::nix_daemon::NixDaemon;
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::Desk;

const NOBODY: &str = "65534";

/// A desk, and a server with a public cache and a private one.
fn desk() -> (Desk, Snowbank) {
    let desk = Desk::new();
    desk.write("snowbank.toml", "[caches.open]\npublic = true\n[caches.team]\n");
    let config = desk.at("snowbank.toml").display().to_string();
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).arg("--config").arg(config).start();
    (desk, server)
}

fn cache_token(server: &Snowbank, rights: &str) -> String {
    server.run(&["token", "create", "--cache", rights]).trim().to_owned()
}

fn used(desk: &Desk, cache: &str, variables: &[(&str, &str)]) {
    let (conf, netrc) = (desk.at("etc/nix.conf"), desk.at("etc/netrc"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    desk.settle(&mut command);
    command.args(["use", cache, "--conf"]).arg(conf).arg("--netrc-file").arg(netrc);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nix_is_told_of_a_cache_or_not() {
    let (desk, server) = desk();
    let cache = format!("{}/nix/open", server.url());
    let said = desk.ask(&["--from", &cache], &[]);
    said.says("nix", "ok", "nix", "");
    said.says("nix-substituter", "problem", &cache, "snowbank use");
    said.says("nix-keys", "problem", "`trusted-public-keys` lack", "snowbank use");
    used(&desk, &cache, &[]);
    desk.ask(&["--from", &cache], &[]).says("nix-settings", "ok", &cache, "");
    // A user's own file takes it away again.
    desk.write("home/.config/nix/nix.conf", "substituters = https://cache.nixos.org\n");
    desk.ask(&["--from", &cache], &[]).says("nix-substituter", "problem", &cache, "extra-substituters");
    let offline = ["--offline", "--from", &cache];
    desk.ask(&offline, &[]).says("nix-substituter", "problem", &cache, "extra-substituters");
    desk.write("home/.config/nix/nix.conf", "include /nonexistent/nix.conf\n");
    desk.ask(&offline, &[]).says("nix-conf", "problem", "/nonexistent/nix.conf", "mend it");
}

#[test]
fn a_private_cache_takes_a_login() {
    let (desk, server) = desk();
    let cache = format!("{}/nix/team", server.url());
    let none = desk.ask(&["--from", &cache], &[]);
    none.says("cache-unreachable", "problem", "refused", "SNOWBANK_TOKEN");
    let token = cache_token(&server, "team:pull");
    let token = [("SNOWBANK_TOKEN", token.as_str())];
    desk.ask(&["--from", &cache], &token).says(
        "nix-login",
        "problem",
        "the cache is private",
        "token create",
    );
    used(&desk, &cache, &token);
    let said = desk.ask(&["--from", &cache], &[]);
    assert!(said.has("nix-settings") && !said.has("nix-login"), "{said:#?}");
    desk.ask(&["--from", "http://h/x"], &[]).says(
        "cache-url",
        "problem",
        "/nix/NAME",
        "http://HOST/nix/NAME",
    );
    let away = desk.ask(&["--from", "http://127.0.0.1:1/nix/x"], &[]);
    away.says("cache-unreachable", "problem", "127.0.0.1:1", "is its server running");
}

#[test]
fn what_nix_took_for_missing_is_found_when_it_came_later() {
    let (desk, server) = desk();
    let cache = format!("{}/nix/open", server.url());
    let tree = desk.at("tree");
    std::fs::create_dir(&tree).unwrap();
    let closure = Closure::of(&[("tree", tree.as_path())]);
    // Nix itself asks before the path is there.
    let mut command = snowbank_testkit::tools::command("nix");
    desk.settle(&mut command);
    command.args([
        "--extra-experimental-features",
        "nix-command",
        "path-info",
        "--store",
        &cache,
        closure.top(),
    ]);
    assert!(!command.output().unwrap().status.success());
    used(&desk, &cache, &[]);
    desk.ask(&["--from", &cache], &[]).says("nix-memory", "ok", &cache, "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    desk.settle(&mut command);
    command.args(["push", "--to", &cache, "--store"]).arg(closure.root()).arg(closure.top());
    let output = command.env("SNOWBANK_TOKEN", cache_token(&server, "open:push")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = &closure.top()["/nix/store/".len()..][..32];
    desk.ask(&["--from", &cache], &[]).says("nix-negative", "problem", name, "narinfo-cache-negative-ttl");
}

/// `nobody`, with a copy of the binary that everybody can read.
fn as_nobody(desk: &Desk, arguments: &[&str]) -> Vec<Value> {
    let binary: PathBuf = desk.at("snowbank");
    // By a process of its own: what this one has open for writing, a child of another test may hold while it is to run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_snowbank")).arg(&binary).status().unwrap();
    assert!(copied.success());
    std::fs::set_permissions(desk.at(""), PermissionsExt::from_mode(0o755)).unwrap();
    let ours = desk.command(&[&["--json"], arguments].concat(), &[]);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(binary).args(ours.get_args());
    desk.settle(&mut command);
    let output = command.current_dir(desk.at("work")).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_user_whom_nobody_trusts_learns_it() {
    if !std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        return;
    }
    let (desk, server) = desk();
    let cache = format!("{}/nix/open", server.url());
    let root = tempfile::tempdir().unwrap();
    snowbank_testkit::closure::succeed(nix("nix-store", root.path()).arg("--verify"));
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let store = root.path().display().to_string();
    let has = |found: &[Value], id: &str| found.iter().any(|finding| finding["id"] == id);
    let alone = as_nobody(&desk, &["--store", &store]);
    assert!(has(&alone, "store-read-only"), "{alone:#?}");
    let folder = as_nobody(&desk, &["--store", &store, "--remote", &store]);
    assert!(has(&folder, "service-folder-read-only"), "{folder:#?}");
    let _daemon = NixDaemon::before(root.path(), "root");
    let found = as_nobody(&desk, &["--store", &store, "--from", &cache]);
    let untrusted = found.iter().find(|finding| finding["id"] == "nix-untrusted");
    let untrusted = untrusted.unwrap_or_else(|| panic!("{found:#?}"));
    assert!(untrusted["hints"].to_string().contains("trusted-users"), "{untrusted:#}");
    assert!(has(&found, "store") && !has(&found, "store-read-only"), "{found:#?}");
    // What the whole machine is set up for, everybody may use.
    used(&desk, &cache, &[]);
    let found = as_nobody(&desk, &["--store", &store, "--from", &cache]);
    assert!(!has(&found, "nix-untrusted"), "{found:#?}");
}

#[test]
fn a_machine_without_a_store_is_not_said_to_have_one() {
    let desk = Desk::new();
    let said = desk.ask(&["--offline", "--store", desk.at("nowhere").to_str().unwrap()], &[]);
    said.says("store-missing", "problem", "db.sqlite", "nix-store --store ROOT --verify");
    assert!(!said.has("store"));
}

#[test]
fn a_machine_without_nix_is_told() {
    let desk = Desk::new();
    let mut command = desk.command(&["--offline", "--json"], &[]);
    let output = command.env("PATH", desk.at("home")).output().unwrap();
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let nix = found.iter().find(|finding| finding["id"] == "nix-missing");
    // One that is installed for the whole machine is found without a search path.
    assert!(
        nix.is_some() || std::path::Path::new("/nix/var/nix/profiles/default/bin/nix").exists(),
        "{found:#?}"
    );
}
