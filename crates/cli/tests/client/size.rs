//! Living within bounds: of a series, of a pull request, and of what a service keeps.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use snowbank_testkit::closure::{Closure, requisites, verify};

use crate::kit::{REPO, Remote, closure, empty, packs, said};

/// Jobs that have these scopes from here on.
fn jobs_of(remote: &mut Remote, scopes: &[&str]) {
    let Remote::Server(server, token) = remote else { panic!("only a server has tokens") };
    *token = server.token(REPO, scopes);
}

/// Saves in a job of a ref.
fn save(remote: &Remote, store: &Closure, name: &str, options: &[&str]) -> (Value, Output) {
    let mut command = remote.command(&["save", "--key", "k", "--json", store.top()]);
    command.arg("--store").arg(store.root()).args(options).env("GITHUB_REF", name);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), output)
}

const MAIN: &str = "refs/heads/main";
const PULL: &str = "refs/pull/7/merge";
const OF_PULL: [&str; 2] = ["refs/pull/7/merge:rw", "refs/heads/main:r"];

fn sent(saved: &Value) -> u64 {
    saved["sent"]["bytes"].as_u64().unwrap()
}

fn has(root: &Path, path: &str) -> bool {
    root.join(path.trim_start_matches('/')).exists()
}

#[test]
fn a_series_stays_within_its_size_by_what_was_not_used() {
    let remote = Remote::server();
    let (one, two) = (closure(&[1, 2, 3]), closure(&[4, 5, 6]));
    save(&remote, &one, MAIN, &[]);
    let old = packs(&remote);
    let (saved, _) = save(&remote, &two, MAIN, &["--max-size", "3MB"]);
    assert_eq!((&saved["saved"], &saved["left"]), (&json!("k#2"), &json!([])), "{saved}");
    // One of three is left of the old pack, and no longer in it.
    assert_eq!(saved["dropped"], 3, "{saved}");
    let Remote::Server(server, _) = &remote else { unreachable!("it is a server") };
    old.iter()
        .for_each(|pack| drop(server.run(&["cache", "delete", pack, "--yes", "--server", server.url()])));
    let root = empty();
    let restored = remote.restore(root.path());
    assert_eq!(restored["missed"], json!([]), "{restored}");
    assert_eq!(requisites(root.path(), two.top()), two.paths());
    assert_eq!(one.paths().iter().filter(|path| has(root.path(), path)).count(), 1);
    verify(root.path()).unwrap();
}

#[test]
fn what_is_wanted_and_does_not_fit_is_named_once_and_not_sent_again() {
    let remote = Remote::server();
    let store = closure(&[1, 2, 3]);
    let (saved, output) = save(&remote, &store, MAIN, &["--max-size", "1MB"]);
    assert_eq!(saved["saved"], "k#1", "{saved}");
    assert!(sent(&saved) < 1_000_000, "{saved}");
    assert_eq!(saved["left"].as_array().unwrap().len(), 3, "two, and the one on top: {saved}");
    assert!(said(&output).contains("may still be stored"), "{}", said(&output));
    let (again, _) = save(&remote, &store, MAIN, &["--max-size", "1MB"]);
    assert_eq!((&again["saved"], sent(&again)), (&json!(null), 0), "{again}");
    let root = empty();
    assert_eq!(remote.restore(root.path())["restored"]["paths"], 1);
}

#[test]
fn a_lower_size_takes_what_was_saved_within_it() {
    let remote = Remote::server();
    save(&remote, &closure(&[1, 2, 3]), MAIN, &[]);
    let (saved, _) = save(&remote, &closure(&[1, 2, 3, 4]), MAIN, &["--max-size", "1500kB"]);
    let left = saved["left"].as_array().unwrap().len();
    assert_eq!((&saved["saved"], left), (&json!("k#2"), 3), "{saved}");
    let root = empty();
    assert_eq!(remote.restore(root.path())["restored"]["paths"], 2);
}

#[test]
fn a_pull_request_stores_what_its_base_lacks_and_no_more_than_it_may() {
    let mut remote = Remote::server();
    save(&remote, &closure(&[1, 2, 3]), MAIN, &[]);
    jobs_of(&mut remote, &OF_PULL);
    let (saved, _) = save(&remote, &closure(&[1, 2, 4]), PULL, &["--max-size", "1MB"]);
    assert_eq!((&saved["built_upon"], &saved["left"]), (&json!("k#1"), &json!([])), "{saved}");
    assert!((700_000..800_000).contains(&sent(&saved)), "{saved}");
    let (saved, output) = save(&remote, &closure(&[1, 5, 6]), PULL, &["--max-new", "1MB"]);
    assert!(sent(&saved) < 1_000_000, "{saved}");
    assert_eq!(saved["left"].as_array().unwrap().len(), 2, "{saved}");
    assert!(said(&output).contains("may still be stored"), "{}", said(&output));
}

#[test]
fn a_pull_request_carries_nothing_over() {
    let mut remote = Remote::server();
    save(&remote, &closure(&[1, 2, 3, 4]), MAIN, &[]);
    for seed in 5..8 {
        save(&remote, &closure(&[1, seed]), MAIN, &[]);
    }
    let seeds: Vec<_> = std::iter::once(1).chain(20..32).collect();
    let store = closure(&seeds);
    jobs_of(&mut remote, &OF_PULL);
    let pull = save(&remote, &store, PULL, &[]).0;
    jobs_of(&mut remote, &["refs/heads/main:rw"]);
    let main = save(&remote, &store, MAIN, &[]).0;
    let tree = 700_000;
    assert!(sent(&main) > 13 * tree, "{main}");
    assert!((12 * tree..12 * tree + tree / 2).contains(&sent(&pull)), "{pull}");
}

#[test]
fn a_save_without_news_reads_every_pack() {
    let remote = Remote::server();
    save(&remote, &closure(&[1, 2]), MAIN, &[]);
    let store = closure(&[1, 2, 3]);
    assert_eq!(save(&remote, &store, MAIN, &[]).0["refreshed"], 0);
    let again = save(&remote, &store, MAIN, &[]).0;
    assert_eq!((&again["saved"], &again["refreshed"]), (&json!(null), &json!(2)), "{again}");
}

#[test]
fn sizes_that_are_none_are_errors() {
    let (remote, store) = (Remote::folder(), closure(&[1]));
    for option in ["--max-size", "--max-new", "--pack-size"] {
        let output = remote.output(store.root(), &["save", "--key", "k", option, "much", store.top()]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(option), "{}", said(&output));
    }
}
