//! What is saved comes back as it was.

use serde_json::json;
use snowbank_testkit::closure::{nix, requisites, succeed, verify};

use crate::kit::{Remote, closure, empty, noise};

#[test]
fn a_closure_comes_back_from_a_server_and_from_a_folder() {
    let store = closure(&[1, 2, 3]);
    for remote in [Remote::server(), Remote::folder()] {
        let saved = remote.save(store.root(), store.top());
        assert_eq!((&saved["saved"], &saved["read"]["paths"]), (&json!("k#1"), &json!(4)), "{saved}");
        let root = empty();
        let restored = remote.restore(root.path());
        assert_eq!(restored["restored"]["paths"], 4, "{restored}");
        assert_eq!(restored["matched"], "k#1");
        assert_eq!(requisites(root.path(), store.top()), store.paths());
        verify(root.path()).unwrap();
        assert_eq!(remote.restore(root.path())["found"]["paths"], 4);
    }
}

#[test]
fn what_nix_knows_of_a_path_comes_along() {
    let store = closure(&[1]);
    let keys = tempfile::tempdir().unwrap();
    let (secret, public) = (keys.path().join("secret"), keys.path().join("public"));
    succeed(
        nix("nix-store", store.root())
            .arg("--generate-binary-cache-key")
            .arg("test-1")
            .args([&secret, &public]),
    );
    let nix_command = ["--extra-experimental-features", "nix-command"];
    let sign = ["store", "sign", "--recursive", "--key-file"];
    succeed(nix("nix", store.root()).args(nix_command).args(sign).arg(&secret).arg(store.top()));
    let infos = |root: &std::path::Path| {
        let mut command = nix("nix", root);
        let printed =
            succeed(command.args(nix_command).args(["path-info", "--json", "--recursive", store.top()]));
        let mut infos: serde_json::Value = serde_json::from_str(&printed).unwrap();
        for info in infos.as_array_mut().unwrap() {
            info.as_object_mut().unwrap().remove("registrationTime");
        }
        infos
    };
    let before = infos(store.root());
    assert!(before.to_string().contains("test-1:") && before.to_string().contains("\"ca\""), "{before}");
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    let root = empty();
    remote.restore(root.path());
    assert_eq!(infos(root.path()), before);
}

/// Signs all of a store with a new key, and copies it to a binary cache in a folder; the cache's URL and the key.
fn upstream(store: &snowbank_testkit::closure::Closure, folder: &std::path::Path) -> (String, String) {
    let (secret, public) = (folder.join("secret"), folder.join("public"));
    succeed(
        nix("nix-store", store.root())
            .arg("--generate-binary-cache-key")
            .arg("up-1")
            .args([&secret, &public]),
    );
    let nix_command = ["--extra-experimental-features", "nix-command"];
    let sign = ["store", "sign", "--recursive", "--key-file"];
    succeed(nix("nix", store.root()).args(nix_command).args(sign).arg(&secret).arg(store.top()));
    let url = format!("file://{}", folder.join("cache").display());
    let mut copy = std::process::Command::new("nix");
    copy.env("NIX_CONF_DIR", "/nonexistent").args(nix_command).args(["copy", "--from"]).arg(store.root());
    succeed(copy.args(["--to", &url, store.top()]));
    (url, std::fs::read_to_string(public).unwrap())
}

#[test]
fn what_an_upstream_has_signed_is_left_there_and_fetched_from_there() {
    let (store, folder) = (closure(&[1, 2]), tempfile::tempdir().unwrap());
    let (url, key) = upstream(&store, folder.path());
    let (own, remote) = (closure(&[3]), Remote::server());
    let options = ["--upstream", &url, "--upstream-key", &key];
    let saved = remote.run(store.root(), &[&["save", "--key", "k", store.top()][..], &options].concat());
    assert_eq!((&saved["upstream"]["paths"], &saved["read"]["paths"]), (&json!(3), &json!(0)), "{saved}");
    remote.run(own.root(), &[&["save", "--key", "k", own.top()][..], &options].concat());
    let restore = [&["restore", "--key", "k", "--min-free", "1MB"][..], &options].concat();
    let root = empty();
    let restored = remote.run(root.path(), &restore);
    assert_eq!(
        (&restored["upstream"]["paths"], &restored["restored"]["paths"]),
        (&json!(3), &json!(2)),
        "{restored}"
    );
    verify(root.path()).unwrap();
    // An upstream that is away costs what it has, and nothing else.
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let root = empty();
    let restored = remote.run(root.path(), &restore);
    assert_eq!(
        (&restored["restored"]["paths"], restored["missed"].as_array().unwrap().len()),
        (&json!(2), 3),
        "{restored}"
    );
    verify(root.path()).unwrap();
    let kept = remote
        .run(store.root(), &[&["save", "--key", "k", "--keep-upstream", store.top()][..], &options].concat());
    assert_eq!((&kept["upstream"]["paths"], &kept["read"]["paths"]), (&json!(0), &json!(3)), "{kept}");
    let root = empty();
    remote.run(root.path(), &restore);
    assert_eq!(requisites(root.path(), store.top()), store.paths());
}

#[test]
fn a_restore_merges_into_what_is_there() {
    let (store, other) = (closure(&[1, 2]), closure(&[2, 3]));
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    let restored = remote.restore(other.root());
    assert_eq!((&restored["found"]["paths"], &restored["restored"]["paths"]), (&json!(1), &json!(2)));
    for top in [store.top(), other.top()] {
        assert!(!requisites(other.root(), top).is_empty());
    }
    verify(other.root()).unwrap();
}

#[test]
fn only_the_closure_that_is_asked_for_is_restored() {
    let store = closure(&[1, 2]);
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    let one = store.paths().into_iter().find(|path| path.ends_with("-tree-1")).unwrap();
    let root = empty();
    let restored = remote
        .run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--for", &one, "--verify-nar"]);
    assert_eq!(restored["restored"]["paths"], 1);
    assert_eq!(requisites(root.path(), &one), [one]);
}

#[test]
fn many_small_files_and_odd_names_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("many");
    std::fs::create_dir_all(tree.join("d")).unwrap();
    for number in 0..10_000 {
        std::fs::write(tree.join(format!("d/{number}")), format!("{}", number % 7)).unwrap();
    }
    for name in ["a b", "-rf", "*", "é", "new\nline", "quote\"'", "\\", "~", ".hidden"] {
        std::fs::write(tree.join(name), name).unwrap();
    }
    let mut deep = tree.clone();
    for _ in 0..40 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    std::os::unix::fs::symlink(".", tree.join("loop")).unwrap();
    let store = snowbank_testkit::closure::Closure::of(&[("many", &tree)]);
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    let root = empty();
    remote.restore(root.path());
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
}

#[test]
fn large_files_come_back_by_whatever_way_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    // A sparse one of a gigabyte, some that are no multiple of anything, and one that both of two ways may take.
    let tree = folder.path().join("large");
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::File::create(tree.join("sparse")).unwrap().set_len((1 << 30) + 1).unwrap();
    for (seed, length) in [(1, 5_000_001), (2, 4 << 20), (3, (4 << 20) - 1), (4, 9_999_999), (5, 12 << 20)] {
        std::fs::write(tree.join(seed.to_string()), noise(seed, length)).unwrap();
    }
    let store = snowbank_testkit::closure::Closure::of(&[("large", &tree)]);
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    for writer in ["root", "helper"] {
        let root = empty();
        remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--writer", writer]);
        assert_eq!(requisites(root.path(), store.top()), store.paths());
        verify(root.path()).unwrap();
    }
}

#[test]
fn nix_s_own_caches_come_along_and_replace_nothing() {
    let store = closure(&[1]);
    let remote = Remote::server();
    let caches = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| caches.path().join(name));
    for name in ["tarball-cache/objects", "gitv3/x", "eval-cache-v5"] {
        std::fs::create_dir_all(from.join(name)).unwrap();
        std::fs::write(from.join(name).join("file"), name).unwrap();
    }
    let (from, into) = (from.display().to_string(), to.display().to_string());
    remote.run(store.root(), &["save", "--key", "k", "--nix-cache", &from, store.top()]);
    std::fs::create_dir_all(to.join("gitv3")).unwrap();
    let root = empty();
    remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--nix-cache", &into]);
    let content = std::fs::read_to_string(to.join("tarball-cache/objects/file")).unwrap();
    assert_eq!(content, "tarball-cache/objects");
    std::fs::write(to.join("tarball-cache/objects/file"), "it may be changed").unwrap();
    assert!(!to.join("gitv3/x").exists(), "what was there stays as it is");
    assert!(!to.join("eval-cache-v5").exists(), "what grows stale is not saved");
}

#[test]
fn a_root_keeps_what_was_restored_until_its_link_is_gone() {
    let (one, two) = (closure(&[1, 2]), closure(&[3]));
    let remote = Remote::folder();
    remote.save(one.root(), one.top());
    remote.save(two.root(), two.top());
    let (root, folder) = (empty(), tempfile::tempdir().unwrap());
    let link = folder.path().join("kept/snapshot");
    let named = link.display().to_string();
    remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--gc-root", &named]);
    let collect = || succeed(nix("nix-store", root.path()).arg("--gc"));
    collect();
    for store in [&one, &two] {
        assert_eq!(requisites(root.path(), store.top()), store.paths());
    }
    for link in [link.clone(), folder.path().join("kept/snapshot-2")] {
        std::fs::remove_file(link).unwrap();
    }
    collect();
    assert_eq!(
        std::fs::read_dir(root.path().join("nix/store"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name() != ".links")
            .count(),
        0
    );
}
