//! Interruptions, and several at once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowbank_testkit::closure::{Closure, nix, verify};

use crate::kit::{CACHES, Server, ask, closure, empty, good, hash_part, pull, push, said};

/// How many of the closure's paths are visible; each with its NAR, and with all that it refers to.
pub(crate) fn visible(server: &Server, made: &Closure) -> usize {
    let root = server.url("open");
    let told: Vec<(String, Option<String>)> = made
        .paths()
        .into_iter()
        .map(|path| {
            let (status, text) = ask("", &[&format!("{root}/{}.narinfo", hash_part(&path))]);
            (path, (status == 200).then_some(text))
        })
        .collect();
    let seen = |name: &str| told.iter().any(|(path, text)| path.ends_with(name) && text.is_some());
    for text in told.iter().filter_map(|(_, text)| text.as_ref()) {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(line("References: ").split_whitespace().all(seen), "{text}");
        let (status, _) = ask("", &["-o", "/dev/null", &format!("{root}/{}", line("URL: "))]);
        assert_eq!(status, 200, "{text}");
    }
    told.iter().filter(|(_, text)| text.is_some()).count()
}

fn pushing(root: &Path, url: &str, netrc: &Path, top: &str) -> Command {
    let mut command = nix("nix", root);
    command.args(["--extra-experimental-features", "nix-command", "copy", "--to", url, top]);
    command.args(["--option", "download-attempts", "1", "--option", "netrc-file"]).arg(netrc);
    command.env("HOME", root).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_push_that_is_killed_anywhere_leaves_nothing_half_visible_and_the_next_one_ends_it() {
    let mut server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let made = closure(50);
    for pause in [20, 60, 120, 200, 300] {
        let url = format!("{}?compression=none", server.url("open"));
        let mut push = pushing(made.root(), &url, &netrc, made.top()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        server.snowbank.kill();
        let _ = push.wait();
        server.snowbank.restart();
        visible(&server, &made);
    }
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    assert_eq!(visible(&server, &made), made.paths().len());
    server.snowbank.run(&["gc", "--grace", "0s"]);
    server.snowbank.run(&["check"]);
}

#[test]
fn pushes_of_the_same_closure_at_once_all_succeed() {
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let made = closure(60);
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let pushes: Vec<_> = (0..4)
            .map(|_| {
                let home = empty();
                let (server, made, netrc) = (&server, &made, &netrc);
                scope.spawn(move || {
                    let mut command = pushing(made.root(), &server.url("open"), netrc, made.top());
                    command.stderr(Stdio::piped()).env("HOME", home.path()).output().unwrap()
                })
            })
            .collect();
        pushes.into_iter().map(|push| push.join().unwrap()).collect()
    });
    outputs.iter().for_each(good);
    assert_eq!(visible(&server, &made), made.paths().len());
}

#[test]
fn a_pull_goes_on_while_what_nobody_names_is_collected() {
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let made = closure(70);
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]));
    let key = server.public_key("open", "");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                server.snowbank.run(&["gc", "--grace", "0s", "--config", server.config()]);
            }
        });
        for _ in 0..3 {
            let store = empty();
            let output = pull(store.path(), &server.url("open"), None, &key, made.top());
            let whole = output.status.success() && verify(store.path()).is_ok();
            if !whole {
                done.store(true, Ordering::Relaxed);
            }
            assert!(whole, "{}", said(&output));
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_token_that_is_revoked_in_the_middle_of_a_push_ends_it() {
    let server = Server::start(CACHES);
    let made = closure(80);
    let token = server.token("open:push");
    let netrc = server.netrc(&token);
    let tree = made.paths().into_iter().find(|path| path.ends_with("tree-80")).unwrap();
    good(&push(made.root(), &server.url("open"), Some(&netrc), &[&tree]));
    let listed: serde_json::Value =
        serde_json::from_str(&server.snowbank.run(&["token", "list", "--json"])).unwrap();
    let id = listed[0]["id"].as_str().or_else(|| listed["tokens"][0]["id"].as_str()).unwrap().to_owned();
    server.snowbank.run(&["token", "revoke", &id]);
    let output = push(made.root(), &server.url("open"), Some(&netrc), &[made.top()]);
    assert!(!output.status.success(), "{}", said(&output));
    let (status, _) = ask(&token, &[&format!("{}/nix-cache-info", server.url("open"))]);
    assert_eq!(status, 401, "a revoked token is not taken for none");
    assert_eq!(visible(&server, &made), 1);
}
