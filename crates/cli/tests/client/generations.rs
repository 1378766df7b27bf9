//! A key is a series: what is new is added, by one job after the other or by many at once.

use serde_json::json;
use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::{MAIN, REPO, Remote, closure, empty, packs, said};

#[test]
fn nothing_new_saves_nothing() {
    let store = closure(&[1, 2]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let again = remote.save(store.root(), store.top());
    assert_eq!((&again["saved"], &again["sent"]["bytes"]), (&json!(null), &json!(0)), "{again}");
    let traffic = &again["traffic"];
    let bytes = traffic["sent"].as_u64().unwrap() + traffic["received"].as_u64().unwrap();
    assert!(bytes < 200_000, "{traffic}");
}

#[test]
fn a_changed_path_is_all_that_the_next_generation_sends() {
    let (one, two) = (closure(&[1, 2, 3]), closure(&[1, 2, 4]));
    let remote = Remote::server();
    let first = remote.save(one.root(), one.top());
    let second = remote.save(two.root(), two.top());
    assert_eq!((&second["saved"], &second["built_upon"]), (&json!("k#2"), &json!("k#1")));
    assert_eq!(second["read"]["paths"], 2, "the path and the one on top of it: {second}");
    let sent = |saved: &serde_json::Value| saved["sent"]["bytes"].as_u64().unwrap();
    assert!(sent(&second) < sent(&first) * 2 / 5, "{first} {second}");
    let root = empty();
    remote.restore(root.path());
    for store in [&one, &two] {
        assert_eq!(requisites(root.path(), store.top()), store.paths());
    }
    verify(root.path()).unwrap();
}

#[test]
fn another_series_is_built_upon_and_found_by_its_prefix() {
    let (one, two) = (closure(&[1, 2, 3]), closure(&[1, 2, 4]));
    let remote = Remote::server();
    remote.run(one.root(), &["save", "--key", "nix-aaa", one.top()]);
    let second = remote.run(two.root(), &["save", "--key", "nix-bbb", "--restore-key", "nix-", two.top()]);
    assert_eq!((&second["saved"], &second["built_upon"]), (&json!("nix-bbb#1"), &json!("nix-aaa#1")));
    assert_eq!(second["read"]["paths"], 2);
    let root = empty();
    let arguments = ["restore", "--key", "nix-ccc", "--restore-key", "nix-", "--min-free", "1MB"];
    assert_eq!(remote.run(root.path(), &arguments)["matched"], "nix-bbb#1");
    assert_eq!(requisites(root.path(), two.top()), two.paths());
}

#[test]
fn the_jobs_of_a_matrix_add_to_each_other() {
    let remote = Remote::server();
    let stores: Vec<_> = (0..4).map(|job| closure(&[1, 10 + job])).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| remote.save(store.root(), store.top()));
        }
    });
    let root = empty();
    let restored = remote.restore(root.path());
    assert_eq!(restored["matched"], "k#4");
    for store in &stores {
        assert_eq!(requisites(root.path(), store.top()), store.paths());
    }
    verify(root.path()).unwrap();
}

#[test]
fn what_three_generations_did_not_use_is_dropped() {
    let remote = Remote::folder();
    let old = closure(&[1, 2]);
    remote.save(old.root(), old.top());
    for seed in 3..6 {
        let store = closure(&[1, seed]);
        remote.save(store.root(), store.top());
    }
    let root = empty();
    remote.restore(root.path());
    let has = |path: &String| root.path().join(path.trim_start_matches('/')).exists();
    let (kept, gone): (Vec<_>, Vec<_>) = old.paths().into_iter().partition(has);
    assert_eq!((kept.len(), gone.len()), (1, 2), "{kept:?} {gone:?}");
    assert!(kept[0].ends_with("-tree-1"));
}

#[test]
fn an_immutable_key_is_saved_once() {
    let (one, two) = (closure(&[1]), closure(&[2]));
    let remote = Remote::server();
    let save = |store: &snowbank_testkit::closure::Closure| {
        remote.run(store.root(), &["save", "--key", "k", "--immutable", store.top()])
    };
    assert_eq!(save(&one)["saved"], "k");
    assert_eq!(save(&two)["saved"], json!(null));
    let root = empty();
    let arguments = ["restore", "--key", "k", "--immutable", "--min-free", "1MB"];
    assert_eq!(remote.run(root.path(), &arguments)["matched"], "k");
    assert_eq!(requisites(root.path(), one.top()), one.paths());
}

#[test]
fn a_miss_is_no_failure_unless_it_is_asked_for() {
    let (remote, root) = (Remote::server(), empty());
    assert_eq!(remote.restore(root.path())["matched"], json!(null));
    let output = remote.output(root.path(), &["restore", "--key", "k", "--fail-on-cache-miss"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("nothing was found under k"), "{}", said(&output));
}

#[test]
fn a_lookup_writes_nothing() {
    let store = closure(&[1]);
    let (remote, root) = (Remote::server(), empty());
    remote.save(store.root(), store.top());
    let found = remote.run(root.path(), &["restore", "--key", "k", "--lookup-only"]);
    assert_eq!((&found["matched"], &found["restored"]["paths"]), (&json!("k#1"), &json!(0)));
    assert!(!root.path().join(store.top().trim_start_matches('/')).exists());
}

#[test]
fn without_names_a_save_holds_what_is_new_since_the_restore() {
    let remote = Remote::server();
    let store = closure(&[1]);
    remote.save(store.root(), store.top());
    let root = empty();
    remote.restore(root.path());
    let folder = tempfile::tempdir().unwrap();
    let save = || {
        let mut command = remote.command(&["save", "--key", "k", "--json"]);
        let output = command.arg("--store").arg(root.path()).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(save()["wanted"], 0);
    std::fs::write(folder.path().join("new"), "new").unwrap();
    let mut add = snowbank_testkit::closure::nix("nix-store", root.path());
    snowbank_testkit::closure::succeed(add.arg("--add").arg(folder.path().join("new")));
    let saved = save();
    assert_eq!(
        (&saved["saved"], &saved["wanted"], &saved["built_upon"]),
        (&json!("k#2"), &json!(1), &json!("k#1"))
    );
}

#[test]
fn a_pack_of_which_little_is_needed_is_carried_over_and_can_go() {
    let remote = Remote::server();
    let first = closure(&[1, 2, 3, 4]);
    remote.save(first.root(), first.top());
    let old = packs(&remote);
    assert_eq!(old.len(), 1);
    for seed in 5..8 {
        let store = closure(&[1, seed]);
        remote.save(store.root(), store.top());
    }
    let seeds: Vec<_> = std::iter::once(1).chain(20..32).collect();
    let last = closure(&seeds);
    remote.save(last.root(), last.top());
    let Remote::Server(server, _) = &remote else { unreachable!("it is a server") };
    server.run(&["cache", "delete", &old[0], "--yes", "--server", server.url()]);
    let root = empty();
    let restored = remote.restore(root.path());
    assert_eq!(restored["missed"].as_array().map(Vec::len), Some(0), "{restored}");
    assert_eq!(requisites(root.path(), last.top()), last.paths());
    verify(root.path()).unwrap();
}

#[test]
fn a_snapshot_goes_as_one_and_never_a_pack_before_its_index() {
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).env("SNOWBANK_LIMITS_SIZE", "2MB").start();
    let token = server.token(REPO, &[MAIN]);
    let remote = Remote::Server(Box::new(server), token);
    for (key, seed) in [("one", 1), ("two", 10)] {
        let store = closure(&[seed, seed + 1]);
        remote.run(store.root(), &["save", "--key", key, store.top()]);
    }
    let Remote::Server(server, _) = &remote else { unreachable!("it is a server") };
    server.run(&["gc"]);
    let root = empty();
    let restored = remote.run(root.path(), &["restore", "--key", "one", "--min-free", "1MB"]);
    assert_eq!(restored["matched"], json!(null), "{restored}");
    let restored = remote.run(root.path(), &["restore", "--key", "two", "--min-free", "1MB"]);
    assert_eq!((&restored["matched"], &restored["missed"]), (&json!("two#1"), &json!([])), "{restored}");
    assert_eq!(packs(&remote).len(), 1);
}

#[test]
fn what_does_not_fit_into_the_budget_is_named_and_saved_the_next_time() {
    let store = closure(&(0..30).collect::<Vec<_>>());
    let remote = Remote::server();
    let arguments = ["save", "--key", "k", "--budget", "5ms", store.top()];
    let output = remote.output(store.root(), &arguments);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the save ended before it was read"), "{}", said(&output));
    let first: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!first["left"].as_array().unwrap().is_empty(), "{first}");
    remote.save(store.root(), store.top());
    let root = empty();
    remote.restore(root.path());
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    let output = remote.output(store.root(), &["save", "--key", "k", "--budget", "soon", store.top()]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}
