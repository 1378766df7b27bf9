//! A cache that is down, full, evicted, damaged or newer never fails a build.

use std::io::{Read, Write};
use std::net::TcpListener;

use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::wire::WireClient;

use crate::kit::{Remote, closure, command, empty, noise, said};

/// A server that gives every request the same answer.
fn answering(answer: &'static str) -> Remote {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 65536]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Remote::Url(url)
}

#[test]
fn a_cache_that_does_not_work_is_a_warning() {
    let (store, root) = (closure(&[1]), empty());
    let absent = Remote::Url("http://127.0.0.1:1".to_owned());
    let broken = answering("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let limited = answering(
        "HTTP/1.1 429 Slow\r\nretry-after: 9999\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
    );
    let page = answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
    std::thread::scope(|scope| {
        for remote in [&absent, &broken, &limited, &page] {
            scope.spawn(|| {
                for arguments in [&["save", "--key", "k", store.top()][..], &["restore", "--key", "k"]] {
                    let output = remote.output(root.path(), arguments);
                    let (code, said) = (output.status.code(), said(&output));
                    if arguments[0] == "save" {
                        let output = remote.output(store.root(), arguments);
                        assert_eq!(output.status.code(), Some(0));
                    } else {
                        assert_eq!(code, Some(0), "{said}");
                        assert_eq!(said.matches("warning: ").count(), 1, "{said}");
                    }
                    let root = if arguments[0] == "save" { store.root() } else { root.path() };
                    let strict = remote.output(root, &[arguments, &["--strict"]].concat());
                    assert_eq!(strict.status.code(), Some(1));
                }
            });
        }
    });
    verify(root.path()).unwrap();
}

#[test]
fn bad_arguments_are_errors() {
    let (remote, root) = (Remote::folder(), empty());
    for arguments in [
        &["save", "--key", "a#b"][..],
        &["save", "--key", "k", "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-absent"],
        &["save", "--key", "k", "--exclude", ""],
        &["restore", "--key", ""],
        &["restore", "--key", "k", "--restore-key", "a,b"],
        &["restore", "--key", "k", "--min-free", "lots"],
        &["restore", "--key", "k", "--for", "/etc/passwd"],
        &["restore", "--key", "k", "--upstream", "nowhere"],
        &["restore", "--key", "k", "--upstream-key", "x"],
    ] {
        let output = remote.output(root.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {}", said(&output));
    }
}

#[test]
fn a_restore_from_a_folder_that_is_not_there_is_a_miss_and_makes_none() {
    let (desk, root) = (empty(), empty());
    let restore = |options: &[&str]| {
        let mut restore = command(&["restore", "--key", "k", "--remote"]);
        restore.arg(desk.path().join("cache")).arg("--store").arg(root.path()).args(options);
        let output = restore.output().unwrap();
        assert!(said(&output).contains("nothing was ever saved in"), "{}", said(&output));
        output.status.code()
    };
    assert_eq!((restore(&[]), restore(&["--fail-on-cache-miss"])), (Some(0), Some(1)));
    assert!(!desk.path().join("cache").exists());
}

#[test]
fn an_address_without_its_scheme_is_refused_and_no_folder_is_made() {
    let (desk, root) = (empty(), empty());
    let mut restore = command(&["restore", "--key", "k", "--remote", "127.0.0.1:8484", "--store"]);
    let output = restore.arg(root.path()).current_dir(desk.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("http://127.0.0.1:8484") && said(&output).contains("./127.0.0.1:8484"));
    assert!(!desk.path().join("127.0.0.1:8484").exists());
}

#[test]
fn a_refusal_and_a_wrong_scheme_come_with_what_to_do() {
    let Remote::Server(server, _) = Remote::server() else { unreachable!("it is a server") };
    let root = empty();
    let refused = Remote::Url(server.url().to_owned()).output(root.path(), &["restore", "--key", "k"]);
    assert!(said(&refused).contains("hint: the token is from SNOWBANK_TOKEN"), "{}", said(&refused));
    assert!(said(&refused).contains("`snowbank doctor --remote http://"), "{}", said(&refused));
    let secure = Remote::Url(server.url().replace("http:", "https:"));
    let output = secure.output(root.path(), &["restore", "--key", "k"]);
    assert!(said(&output).contains("hint: is it http:// and not https:// there?"), "{}", said(&output));
}

#[test]
fn a_folder_that_may_not_be_made_is_told_with_the_argument_that_names_it() {
    let (store, desk) = (closure(&[1]), empty());
    std::fs::write(desk.path().join("file"), "").unwrap();
    let mut save = command(&["save", "--key", "k", store.top(), "--store"]);
    save.arg(store.root()).arg("--remote").arg(desk.path().join("file/cache"));
    let output = save.output().unwrap();
    assert!(said(&output).contains("--remote DIR") && !said(&output).contains("--data"), "{}", said(&output));
}

/// Deletes the entry of the smallest pack.
fn evict_smallest_pack(remote: &Remote) {
    let Remote::Server(server, _) = remote else { panic!("only a server has entries") };
    let listed = server.run(&["cache", "list", "--json", "--server", server.url()]);
    let entries: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let packs = entries["caches"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["key"].as_str().unwrap().starts_with("snowbank-pack-"));
    let smallest = packs.min_by_key(|pack| pack["size_in_bytes"].as_u64().unwrap()).unwrap();
    server.run(&["cache", "delete", &smallest["id"].to_string(), "--yes", "--server", server.url()]);
}

#[test]
fn an_evicted_pack_costs_what_needs_it_and_the_next_save_brings_it_back() {
    let (one, two) = (closure(&[1, 2]), closure(&[1, 3]));
    let remote = Remote::server();
    remote.save(one.root(), one.top());
    remote.save(two.root(), two.top());
    evict_smallest_pack(&remote);
    let root = empty();
    let output = remote.output(root.path(), &["restore", "--key", "k", "--min-free", "1MB"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 paths were not restored"), "{}", said(&output));
    verify(root.path()).unwrap();
    assert_eq!(requisites(root.path(), one.top()), one.paths());
    let again = remote.save(two.root(), two.top());
    assert_eq!((again["saved"].as_str(), again["read"]["paths"].as_u64()), (Some("k#3"), Some(2)), "{again}");
    remote.restore(root.path());
    assert_eq!(requisites(root.path(), two.top()), two.paths());
}

#[test]
fn a_damaged_path_is_left_out_with_what_refers_to_it() {
    let store = closure(&[1, 2]);
    let remote = Remote::folder();
    let broken = store.paths().into_iter().find(|path| path.ends_with("-tree-1")).unwrap();
    let file = store.root().join(&broken[1..]).join("lib/large.so");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, mode).unwrap();
    std::fs::write(&file, noise(9, 700_000)).unwrap();
    let output = remote.output(store.root(), &["save", "--key", "k", store.top()]);
    assert!(output.status.success() && said(&output).contains("its content has hash"), "{}", said(&output));
    let root = empty();
    assert_eq!(remote.restore(root.path())["restored"]["paths"], 1);
    verify(root.path()).unwrap();
}

#[test]
fn a_path_that_went_away_is_left_out() {
    let store = closure(&[1, 2]);
    let remote = Remote::folder();
    let gone = store.paths().into_iter().find(|path| path.ends_with("-tree-1")).unwrap();
    std::fs::rename(store.root().join(&gone[1..]), store.root().join("elsewhere")).unwrap();
    let saved = remote.save(store.root(), store.top());
    assert_eq!(saved["left"].as_array().unwrap().len(), 2, "{saved}");
    let root = empty();
    assert_eq!(remote.restore(root.path())["restored"]["paths"], 1);
    verify(root.path()).unwrap();
}

/// The version of indexes on this system.
fn version() -> String {
    let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let dir = snowbank_nix::store_path::StoreDir::default();
    snowbank_client::series::Versions::new(&system, &dir).index
}

#[test]
fn an_index_that_cannot_be_read_is_a_miss_and_saved_anew() {
    let store = closure(&[1]);
    let remote = Remote::server();
    let Remote::Server(server, token) = &remote else { unreachable!("it is a server") };
    let wire = WireClient::new(server.url(), token);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut newer = b"SNOWINDX".to_vec();
    newer.extend(2u32.to_le_bytes());
    newer.extend([0; 100]);
    for (number, index, why) in
        [(1, newer, "made by a newer Snowbank"), (3, noise(1, 5000), "not the index of a snapshot")]
    {
        runtime.block_on(wire.save(&format!("k#{number}"), &version(), &index)).unwrap();
        let root = empty();
        let output = remote.output(root.path(), &["restore", "--key", "k"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(said(&output).contains(why), "{}", said(&output));
        let saved = remote.output(store.root(), &["save", "--key", "k", store.top()]);
        assert!(saved.status.success() && said(&saved).contains(why), "{}", said(&saved));
        assert_eq!(remote.restore(root.path())["matched"], format!("k#{}", number + 1));
    }
}

#[test]
fn a_token_that_may_only_read_saves_nothing_and_says_so() {
    let store = closure(&[1]);
    let Remote::Server(server, _) = Remote::server() else { unreachable!("it is a server") };
    let token = server.token(crate::kit::REPO, &["refs/heads/main:r"]);
    let remote = Remote::Server(server, token);
    let output = remote.output(store.root(), &["save", "--key", "k", store.top()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("refuses to store anything"), "{}", said(&output));
}

#[test]
fn a_store_that_is_none_is_an_error_that_says_so() {
    let (remote, nothing) = (Remote::folder(), tempfile::tempdir().unwrap());
    let output = remote.output(nothing.path(), &["save", "--key", "k", "--all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("there is no Nix store"), "{}", said(&output));
}
