//! What a save supersedes goes, where the job has a token for the REST API.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::{MAIN, REPO, Remote, closure, command, empty, said, with_api};

fn served(remote: &Remote) -> (&Snowbank, &str) {
    let Remote::Server(server, token) = remote else { panic!("only a server has an API") };
    (server, token)
}

/// Saves a store of these trees under `k`, with a token for the API.
fn save(remote: &Remote, seeds: &[u64], token: &str) -> Output {
    let store = closure(seeds);
    let mut command = remote.command(&["save", "--key", "k", store.top()]);
    let command = with_api(&mut command, served(remote).0, token);
    let output = command.arg("--store").arg(store.root()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// The keys of all entries; those of packs without their hashes.
fn keys(server: &Snowbank) -> Vec<String> {
    let listed = server.run(&["cache", "list", "--json", "--server", server.url()]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let key = |entry: &Value| {
        let key = entry["key"].as_str().unwrap();
        if key.starts_with("snowbank-pack-") { "pack".to_owned() } else { key.to_owned() }
    };
    let mut keys: Vec<_> = listed["caches"].as_array().unwrap().iter().map(key).collect();
    keys.sort();
    keys
}

/// Lets time pass for all that is there.
fn age(server: &Snowbank, by: Duration) {
    // Times of access are kept in memory for a while; a list has them written.
    keys(server);
    let catalog = rusqlite::Connection::open(server.data().join("catalog.db")).unwrap();
    catalog.busy_timeout(Duration::from_secs(20)).unwrap();
    let by = by.as_millis() as i64;
    catalog.execute("UPDATE entries SET created = created - ?1, accessed = accessed - ?1", [by]).unwrap();
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn older_generations_go_and_packs_that_nothing_names_any_more() {
    let remote = Remote::server();
    let (server, token) = served(&remote);
    for seed in 1..5 {
        let store = closure(&[seed]);
        remote.save(store.root(), store.top());
    }
    age(server, DAY * 3);
    let other = server.token(REPO, &["refs/heads/dev:rw"]);
    let dev = Remote::Url(server.url().to_owned());
    let store = closure(&[50]);
    let mut saving = dev.command(&["save", "--key", "k", store.top()]);
    let output = saving.env("SNOWBANK_TOKEN", other).arg("--store").arg(store.root()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(keys(server), ["k#1", "k#1", "k#2", "k#3", "k#4", "pack", "pack", "pack", "pack", "pack"]);

    let output = save(&remote, &[5], token);
    assert!(
        said(&output).contains(": 3 older generations, 1 pack that no snapshot names"),
        "{}",
        said(&output)
    );
    let expected = ["k#1", "k#4", "k#5", "pack", "pack", "pack", "pack", "pack"];
    assert_eq!(keys(server), expected, "what is in another ref stays");
    let root = empty();
    let restored = remote.restore(root.path());
    assert_eq!((&restored["matched"], &restored["missed"]), (&json!("k#5"), &json!([])), "{restored}");
    assert_eq!(requisites(root.path(), closure(&[5]).top()), closure(&[5]).paths());
    verify(root.path()).unwrap();
}

#[test]
fn what_was_used_a_moment_ago_stays() {
    let remote = Remote::server();
    let (server, token) = served(&remote);
    for seed in 1..6 {
        save(&remote, &[seed], token);
    }
    assert_eq!(keys(server), ["k#4", "k#5", "pack", "pack", "pack", "pack", "pack"]);
}

#[test]
fn a_token_that_may_not_is_no_word_worth_and_one_that_is_none_neither_harms() {
    let remote = Remote::server();
    let (server, _) = served(&remote);
    let reader = server.token(REPO, &["refs/heads/main:r"]);
    let stranger = server.token("acme/other", &[MAIN]);
    for (seed, token) in [(1, &*reader), (2, &reader), (3, &reader), (4, &stranger)] {
        let output = save(&remote, &[seed], token);
        for word in ["warning", "freed", "superseded", "uses"] {
            assert!(!said(&output).contains(word), "{}", said(&output));
        }
    }
    assert_eq!(keys(server).iter().filter(|key| *key != "pack").count(), 4);
    let output = save(&remote, &[5], "no.token.at-all");
    assert!(said(&output).contains("saved as k#5"), "{}", said(&output));
}

#[test]
fn an_api_that_is_not_there_or_another_s_changes_nothing() {
    let (remote, other) = (Remote::server(), Remote::server());
    let (server, (elsewhere, token)) = (served(&remote).0, served(&other));
    for seed in 1..4 {
        save(&remote, &[seed], "");
        save(&other, &[seed + 10], "");
    }
    let saving = |root: &Path, top: &str, url: &str| {
        let mut command = remote.command(&["save", "--key", "k", top]);
        let command = with_api(&mut command, server, token).env("GITHUB_API_URL", url);
        let output = command.arg("--store").arg(root).output().unwrap();
        assert!(output.status.success() && said(&output).contains("saved as k#"), "{}", said(&output));
        said(&output)
    };
    let store = closure(&[4]);
    saving(store.root(), store.top(), elsewhere.url());
    for server in [server, elsewhere] {
        assert!(keys(server).contains(&"k#1".to_owned()));
    }
    let store = closure(&[5]);
    let told = saving(store.root(), store.top(), "http://127.0.0.1:1");
    assert!(told.contains("what was superseded was not deleted: "), "{told}");
}

#[test]
fn the_job_s_page_says_what_the_repository_uses() {
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).env("SNOWBANK_LIMITS_SIZE", "2GB").start();
    let token = server.token(REPO, &[MAIN]);
    let folder = tempfile::tempdir().unwrap();
    let store = closure(&[1]);
    let summary = folder.path().join("summary");
    for arguments in [&["save", "--key", "k", store.top()][..], &["run", "--key", "k", "--", "true"]] {
        std::fs::write(&summary, "").unwrap();
        let (first, rest) = arguments.split_first().unwrap();
        let mut command = command(&[first, "--remote", server.url()]);
        with_api(&mut command, &server, &token).arg("--store").arg(store.root()).args(rest);
        command.env("SNOWBANK_TOKEN", &token).env("GITHUB_STEP_SUMMARY", &summary);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let page = std::fs::read_to_string(&summary).unwrap();
        let used = page
            .lines()
            .find(|line| line.starts_with("repository uses "))
            .unwrap_or_else(|| panic!("{page}"));
        assert!(used.ends_with(" of 2 GB") && !used.contains("uses 0 B"), "{used}");
    }
}
