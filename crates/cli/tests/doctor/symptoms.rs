//! The symptoms of docs/troubleshooting.md, each caused, and each named with its cure.

use std::fmt::Write as _;

use snowbank_actions::version::{Compression, version};

use crate::kit::{Desk, MAIN, save, server, token};

/// The paths of a workflow that keeps a whole store.
const PATHS: [&str; 2] = ["/nix/store", "/nix/var/nix/db"];

fn saved_version() -> String {
    version(&PATHS, Some(Compression::ZstdWithoutLong), false)
}

/// A workspace with a lock file that is committed, and the key that a workflow makes of it.
fn flake(lock: &str) -> (Desk, String) {
    let desk = Desk::new();
    desk.git(&["init", "-q"]);
    desk.write("work/flake.lock", lock);
    desk.git(&["add", "flake.lock"]);
    desk.git(&["commit", "-qm", "x"]);
    let said = desk.ask(&["--offline"], &[]);
    let hint = said.get("hash")["hints"][0].as_str().unwrap().to_owned();
    let key = hint.rsplit(' ').next().unwrap().to_owned();
    (desk, key)
}

/// Every build takes as long as the first: the lock file is not committed, or the path of hashFiles() is wrong.
#[test]
fn cache_not_working() {
    let desk = Desk::new();
    desk.git(&["init", "-q"]);
    desk.write("work/flake.nix", "{}");
    desk.write("work/nix/flake.lock", "{}");
    desk.git(&["add", "."]);
    let said = desk.ask(&["--offline"], &[]);
    said.says("lock-file-missing", "problem", "nix/flake.lock", "hashFiles('nix/flake.lock')");
    said.says("hash-empty", "problem", "stays the same whatever is locked", "is the path right");
}

/// A warning about eviction.
#[test]
fn cache_size_limit_exceeded() {
    let (desk, key) = flake("{}");
    let server = server(&[("SNOWBANK_LIMITS_SIZE", "1MB"), ("SNOWBANK_TIMES_UPKEEP", "1h")]);
    for (key, seed) in [(key.as_str(), 1), ("nix-store-Linux-branch", 2)] {
        save(&server, key, &saved_version(), MAIN, &snowbank_testkit::noise::noise(900_000, seed));
    }
    server.run(&["gc"]);
    let token = token(&server, MAIN);
    let said = desk.ask(&["--remote", server.url(), "--key", &key], &[("SNOWBANK_TOKEN", &token)]);
    said.says("limit-near", "warning", "of 1.0 MB", "--older-than");
    said.says("evicted", "warning", &key, "name fewer paths");
    said.says("evicted", "warning", &key, "github.ref");
}

/// A restore of five minutes and more: as large as a line is thin.
#[test]
fn slow_cache_restore() {
    use snowbank_testkit::proxy::{Fault, Faults, Proxy};
    let (desk, server) = (Desk::new(), server(&[]));
    save(&server, "nix", &saved_version(), MAIN, &snowbank_testkit::noise::noise(16_000_000, 1));
    let token = token(&server, MAIN);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(Proxy::before(server.url()["http://".len()..].parse().unwrap()));
    let down = Fault { bytes_per_second: Some(60_000), ..Fault::default() };
    proxy.set(Faults { down, ..Faults::default() });
    let arguments = ["--remote", &proxy.url(), "--key", "nix", "--path", PATHS[0], "--path", PATHS[1]];
    let said = desk.ask(&arguments, &[("SNOWBANK_TOKEN", &token)]);
    said.says(
        "restore-slow",
        "warning",
        "a restore fetches up to 16.0 MB, which take",
        "snowbank restore --lazy",
    );
    said.says("restore-slow", "warning", "", "binary cache");
}

/// A miss after the lock file was updated, which is as it should be.
#[test]
fn cache_miss_after_an_update_of_the_lock_file() {
    let (_, before) = flake("{}");
    let (desk, key) = flake("{ }");
    let server = server(&[]);
    save(&server, &before, &saved_version(), MAIN, b"x");
    let token = token(&server, MAIN);
    let mut arguments = vec!["--remote", server.url(), "--key", &key, "--path", PATHS[0], "--path", PATHS[1]];
    let said = desk.ask(&arguments, &[("SNOWBANK_TOKEN", &token)]);
    said.says("key-none", "warning", &before, "restore-keys: nix-store-Linux-");
    arguments.extend(["--restore-key", "nix-store-Linux-"]);
    let said = desk.ask(&arguments, &[("SNOWBANK_TOKEN", &token)]);
    said.says("key-partial", "note", &before, "expected");
}

/// What the page tells the reader to look for is what the doctor says.
#[test]
fn the_page_names_findings_that_are_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = std::fs::read_to_string(format!("{root}/../docs/troubleshooting.md")).unwrap();
    let mut sources = String::new();
    for folder in ["client/src/doctor", "cli/src/command/doctor"] {
        for file in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let _ = write!(sources, "{}", std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let named: Vec<_> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|id| !sources.contains(&format!("\"{id}\""))).collect();
    assert!(missing.is_empty(), "the doctor has no findings {missing:?}");
}
