//! Keys, versions and limits, on a real server.

use snowbank_actions::version::{Compression, version};
use snowbank_testkit::noise::noise;

use crate::kit::{Desk, MAIN, REPO, save, server, token};

const DEV: &str = "refs/heads/dev";

fn zstd(path: &str) -> String {
    version(&[path], Some(Compression::ZstdWithoutLong), false)
}

#[test]
fn the_next_lookup_is_foretold_with_its_reason() {
    let (desk, server) = (Desk::new(), server(&[]));
    save(&server, "nix-1", &zstd("data"), MAIN, b"x");
    save(&server, "dev-1", &zstd("data"), DEV, b"x");
    save(&server, "old-1", &version(&["data"], Some(Compression::Gzip), false), MAIN, b"x");
    let own = token(&server, MAIN);
    let ask = |arguments: &[&str]| {
        let arguments = [&["--remote", server.url(), "--path", "data"], arguments].concat();
        desk.ask(&arguments, &[("SNOWBANK_TOKEN", &own)])
    };
    let said = ask(&["--key", "nix-1"]);
    said.says("key-hit", "ok", "`nix-1`", "");
    said.says("version", "ok", &zstd("data"), "");
    ask(&["--key", "nix-2", "--restore-key", "nix-"]).says("key-partial", "note", "`nix-1`", "next save");
    // Without its paths it is not known which entries fit, so all do.
    let arguments = ["--remote", server.url(), "--key", "nix-2", "--restore-key", "nix-"];
    desk.ask(&arguments, &[("SNOWBANK_TOKEN", &own)]).says("key-partial", "note", "`nix-1`", "next save");
    ask(&["--key", "old-1"]).says("version-gzip", "note", "without zstd", "install zstd");
    let said = ask(&["--key", "other"]);
    said.says("key-none", "warning", "no key is like `other`", "has a job that saves run");
    let said = ask(&["--key", "nix-9"]);
    said.says("key-none", "warning", "most like it are `nix-1`", "written as where it is saved");
    let arguments = ["--remote", server.url(), "--path", "other", "--key", "nix-1"];
    let said = desk.ask(&arguments, &[("SNOWBANK_TOKEN", &own)]);
    said.says("key-other-version", "problem", &zstd("other"), "`path:` must be written alike");
    said.says("version-differs", "problem", &zstd("data"), "same order");
}

#[test]
fn an_entry_of_another_ref_is_named_to_who_may_know_of_it() {
    let (desk, server) = (Desk::new(), server(&[]));
    save(&server, "dev-1", &zstd("data"), DEV, b"x");
    let manager = server.run(&["token", "create", "--manage", "acme/app:read"]);
    desk.write("event.json", r#"{"repository": {"default_branch": "main"}}"#);
    let event = desk.at("event.json").display().to_string();
    let job = [
        ("SNOWBANK_TOKEN", manager.trim()),
        ("GITHUB_EVENT_PATH", &*event),
        ("GITHUB_REF", "refs/heads/feature"),
    ];
    let said =
        desk.ask(&["--server", server.url(), "--repo", REPO, "--key", "dev-1", "--path", "data"], &job);
    said.says(
        "key-other-ref",
        "problem",
        "this job reads refs/heads/feature, refs/heads/main",
        "default branch",
    );
}

#[test]
fn github_is_asked_with_its_token() {
    let (desk, server) = (Desk::new(), server(&[]));
    save(&server, "nix-1", "v", MAIN, b"x");
    let own = token(&server, MAIN);
    let job = [("GITHUB_API_URL", server.url()), ("GITHUB_TOKEN", &own), ("GITHUB_REPOSITORY", REPO)];
    desk.ask(&[], &job).says("keys", "note", "1 entries; the newest is `nix-1`", "--key");
    let wrong =
        [("GITHUB_API_URL", server.url()), ("GITHUB_TOKEN", "unknown-token"), ("GITHUB_REPOSITORY", REPO)];
    desk.ask(&[], &wrong).says("api-refused", "warning", "401", "actions: read");
    desk.ask(&[], &[]).says("keys-unknown", "note", "no token", "GITHUB_TOKEN");
}

#[test]
fn a_limit_is_near_then_it_evicts() {
    let (desk, server) = (Desk::new(), server(&[("SNOWBANK_LIMITS_SIZE", "1MB")]));
    let own = token(&server, MAIN);
    let arguments = ["--remote", server.url(), "--key", "k-1", "--path", "data"];
    let ask = || desk.ask(&arguments, &[("SNOWBANK_TOKEN", &own)]);
    save(&server, "k-1", &zstd("data"), MAIN, &noise(900_000, 1));
    let said = ask();
    said.says("limit-near", "warning", "of 1.0 MB (90 %)", "cache delete --older-than");
    assert!(said.has("key-hit") && !said.has("evicted"), "{said:#?}");
    save(&server, "k-2", &zstd("data"), MAIN, &noise(800_000, 2));
    server.run(&["gc"]);
    let said = ask();
    said.says("key-removed", "warning", "`k-1` went", "the next save makes it anew");
    said.says("evicted", "warning", "the repository was over its size", "name fewer paths");
    said.says("key-last-miss", "note", "`k-1` went", "");
}

#[test]
fn what_nobody_used_went_with_its_reason() {
    let (desk, server) = (Desk::new(), server(&[("SNOWBANK_LIMITS_RETENTION", "1s")]));
    let own = token(&server, MAIN);
    save(&server, "k-1", &zstd("data"), MAIN, b"x");
    let gone = || {
        server.run(&["gc"]);
        desk.ask(&["--remote", server.url(), "--key", "k-1"], &[("SNOWBANK_TOKEN", &own)])
    };
    let said = std::iter::repeat_with(gone).take(50).find(|said| said.has("expired")).unwrap();
    said.says("expired", "note", "nobody had used it for the retention time", "once a week");
    said.says("key-removed", "warning", "retention time", "");
}

#[test]
fn a_snapshot_is_found_by_its_series_and_weighed_with_its_packs() {
    let (desk, server) = (Desk::new(), server(&[]));
    let tree = desk.at("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("noise"), noise(700_000, 1)).unwrap();
    let closure = snowbank_testkit::closure::Closure::of(&[("tree", tree.as_path())]);
    let own = token(&server, MAIN);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_snowbank"));
    desk.settle(&mut command);
    command.args(["save", "--key", "nix", "--remote", server.url(), "--store"]).arg(closure.root());
    let saved = command.arg(closure.top()).env("SNOWBANK_TOKEN", &own).output().unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let said = desk.ask(&["--remote", server.url(), "--key", "nix"], &[("SNOWBANK_TOKEN", &own)]);
    said.says("key-hit", "ok", "`nix#1`", "");
    said.says("line", "ok", "/s come down; a restore fetches up to 0.7 MB", "");
}
