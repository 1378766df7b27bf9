//! `snowbank pull`: into stores that Nix then checks.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use snowbank_testkit::closure::{nix, requisites, verify};
use snowbank_testkit::nix_daemon::NixDaemon;
use snowbank_testkit::noise::noise;

use crate::kit::{CACHES, Server, closure, empty, good, path_info, push, said};
use crate::stock::{Stock, all, inside, is_valid, path};
use crate::upstream::{files, mirror, send};

/// A key that nobody signs with.
const STRANGER: &str = "x-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

/// `snowbank pull --json` into the store at `root`; what Nix is set to says nothing.
fn pulling(root: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(["pull", "--json", "--min-free", "0", "--from", url, "--store"]).arg(root).args(arguments);
    for name in ["SNOWBANK_TOKEN", "NIX_CONFIG", "NIX_USER_CONF_FILES", "GITHUB_ACTIONS"] {
        command.env_remove(name);
    }
    command.env("NIX_CONF_DIR", "/nonexistent").env("HOME", root).env_remove("XDG_CONFIG_HOME");
    // Nothing is asked of the network.
    command.args(["--upstream", "file:///nonexistent"]);
    command
}

fn run(root: &Path, url: &str, arguments: &[&str]) -> Output {
    pulling(root, url, arguments).output().unwrap()
}

/// What a pull that succeeded told.
fn told(output: &Output) -> Value {
    good(output);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// A pull that failed with this exit code.
fn refused(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    said(output)
}

/// A server whose open cache has a store's paths, and its key.
fn serving(root: &Path, tops: &[&str]) -> (Server, String) {
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let url = format!("{}?compression=none", server.url("open"));
    good(&push(root, &url, Some(&netrc), tops));
    let key = server.public_key("open", "");
    (server, key)
}

/// Two paths as builds make them, the second on top of the first.
fn stock() -> (Stock, String, String) {
    let (stock, lib, top) = (Stock::new(), path('a', "lib-1.0"), path('b', "app-1.0"));
    let large = noise(3_000_000, 1);
    stock.add(&lib, &[("large.so", &large), ("small", b"x")], &[]);
    stock.add(&top, &[("app", &noise(400_000, 2))], &[&lib, &top]);
    (stock, lib, top)
}

#[test]
fn a_closure_comes_into_an_empty_store_and_a_second_pull_has_nothing_to_do() {
    let (stock, lib, top) = stock();
    let (server, key) = serving(stock.root(), &[&top]);
    let store = empty();
    let link = store.path().join("link");
    let arguments = ["--public-key", &key, "--gc-root", link.to_str().unwrap(), &top];
    let first = told(&run(store.path(), &server.url("open"), &arguments));
    assert_eq!(first["pulled"]["paths"], 2, "{first}");
    assert_eq!(requisites(store.path(), &top), [lib.clone(), top.clone()]);
    assert_eq!(verify(store.path()), Ok(()));
    assert!(link.is_symlink());
    // A base name will do.
    let base = top.rsplit('/').next().unwrap();
    let second = told(&run(store.path(), &server.url("open"), &["--public-key", &key, base]));
    assert_eq!((&second["pulled"]["paths"], &second["downloaded"]), (&0.into(), &0.into()), "{second}");
    assert_eq!(second["found"]["paths"], 2);
}

#[test]
fn what_no_trusted_key_has_signed_is_refused_before_anything_is_written() {
    let (stock, _, top) = stock();
    let (server, key) = serving(stock.root(), &[&top]);
    let store = empty();
    let said = refused(&run(store.path(), &server.url("open"), &["--public-key", STRANGER, &top]), 1);
    assert!(said.contains("no trusted key has signed") && said.contains("app-1.0"), "{said}");
    assert!(said.contains(&format!("the cache signs with {key}")), "the hint names the key: {said}");
    // What nix.conf says counts where no key is named, and is nothing but cache.nixos.org's by itself.
    refused(&run(store.path(), &server.url("open"), &[&top]), 1);
    assert_eq!(all(store.path()), [""; 0]);
    assert!(!inside(store.path(), &top).exists());
    let mut configured = pulling(store.path(), &server.url("open"), &[&top]);
    told(&configured.env("NIX_CONFIG", format!("extra-trusted-public-keys = {key}")).output().unwrap());
    let other = empty();
    told(&run(other.path(), &server.url("open"), &["--no-check-sigs", &top]));
    assert_eq!(verify(other.path()), Ok(()));
}

#[test]
fn what_follows_from_its_content_needs_no_signature() {
    let made = closure(70);
    let (server, _) = serving(made.root(), &[made.top()]);
    let store = empty();
    told(&run(store.path(), &server.url("open"), &["--public-key", STRANGER, made.top()]));
    assert_eq!(requisites(store.path(), made.top()), made.paths());
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn a_changed_generation_downloads_only_what_is_new() {
    let (stock, lib, top) = stock();
    let (newer, added) = (path('c', "lib-1.0"), path('d', "app-1.0"));
    // A new build of the same name: one file of two is another.
    stock.add(&newer, &[("large.so", &noise(3_000_000, 1)), ("other.so", &noise(500_000, 7))], &[]);
    stock.add(&added, &[("app", &noise(400_000, 2))], &[&newer]);
    let (server, key) = serving(stock.root(), &[&top, &added]);
    let store = empty();
    let first = told(&run(store.path(), &server.url("open"), &["--public-key", &key, &top]));
    let bytes = |told: &Value, name: &str| told[name].as_u64().unwrap();
    assert!(bytes(&first, "downloaded") > 3_300_000, "{first}");
    let second = told(&run(store.path(), &server.url("open"), &["--public-key", &key, &added]));
    assert!((500_000..600_000).contains(&bytes(&second, "downloaded")), "{second}");
    assert!(bytes(&second, "local") > 3_300_000, "{second}");
    assert_eq!(requisites(store.path(), &added), [newer, added]);
    assert_eq!(verify(store.path()), Ok(()));
    assert!(is_valid(store.path(), &lib));
}

#[test]
fn a_local_file_that_is_not_what_it_was_is_made_up_for() {
    let (stock, lib, top) = stock();
    let newer = path('c', "lib-1.0");
    stock.add(&newer, &[("large.so", &noise(3_000_000, 1)), ("more", b"y")], &[]);
    let (server, key) = serving(stock.root(), &[&top, &newer]);
    let store = empty();
    told(&run(store.path(), &server.url("open"), &["--public-key", &key, &lib]));
    let file = inside(store.path(), &format!("{lib}/large.so"));
    std::fs::remove_file(&file).unwrap();
    let mut damaged = noise(3_000_000, 1).to_vec();
    damaged[1_500_000] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    let second = told(&run(store.path(), &server.url("open"), &["--public-key", &key, &newer]));
    let downloaded = second["downloaded"].as_u64().unwrap();
    assert!((60_000..2_000_000).contains(&downloaded), "only the chunk that was damaged: {second}");
    assert!(is_valid(store.path(), &newer));
    let large = std::fs::read(inside(store.path(), &format!("{newer}/large.so"))).unwrap();
    assert!(large == noise(3_000_000, 1)[..]);
}

#[test]
fn a_private_cache_wants_a_token_and_takes_it_from_a_file_the_environment_or_netrc() {
    let (stock, _, top) = stock();
    let server = Server::start(CACHES);
    let token = server.token("team:push");
    good(&push(stock.root(), &server.url("team"), Some(&server.netrc(&token)), &[&top]));
    let key = server.public_key("team", &token);
    let url = server.url("team");
    let arguments = ["--public-key", key.as_str(), top.as_str()];
    let store = empty();
    let said = refused(&run(store.path(), &url, &arguments), 1);
    assert!(
        said.contains("there is no such cache without a token") && said.contains("--token-file"),
        "{said}"
    );
    let other = server.token("other:pull");
    let said =
        refused(&pulling(store.path(), &url, &arguments).env("SNOWBANK_TOKEN", other).output().unwrap(), 1);
    assert!(said.contains("there is no such cache for this token"), "{said}");
    let pull = server.token("team:pull");
    told(&pulling(store.path(), &url, &arguments).env("SNOWBANK_TOKEN", &pull).output().unwrap());
    let file = store.path().join("token");
    std::fs::write(&file, &pull).unwrap();
    let second = empty();
    told(&run(second.path(), &url, &[&["--token-file", file.to_str().unwrap()], &arguments[..]].concat()));
    let third = empty();
    let config = format!("netrc-file = {}", server.netrc(&pull).display());
    told(&pulling(third.path(), &url, &arguments).env("NIX_CONFIG", config).output().unwrap());
    assert_eq!(verify(third.path()), Ok(()));
}

#[test]
fn a_path_that_is_not_there_and_a_server_that_is_down_are_told_of() {
    let (stock, _, top) = stock();
    let (mut server, key) = serving(stock.root(), &[&top]);
    let (store, url) = (empty(), server.url("open"));
    let unknown = path('f', "nothing");
    let said = refused(&run(store.path(), &url, &["--public-key", &key, &unknown]), 1);
    assert!(said.contains("does not have ffffffff"), "{said}");
    let said = refused(&run(store.path(), &url, &["--public-key", "nonsense", &top]), 2);
    assert!(said.contains("--public-key nonsense is not valid"), "{said}");
    refused(&run(store.path(), &url, &["--public-key", &key, "/elsewhere/x"]), 2);
    refused(&run(store.path(), "http://127.0.0.1:1/team", &[&top]), 2);
    server.snowbank.kill();
    let said = refused(&run(store.path(), &url, &["--public-key", &key, &top]), 1);
    assert!(said.contains("there was no connection") && said.contains("is its server running?"), "{said}");
    assert_eq!(all(store.path()), [""; 0]);
}

#[test]
fn what_a_killed_server_cut_off_the_next_pull_ends() {
    let (stock, top) = (Stock::new(), path('0', "top"));
    let parts: Vec<String> = ('1'..='8').map(|digit| path(digit, &format!("part-{digit}"))).collect();
    for (seed, part) in (20..).zip(&parts) {
        stock.add(part, &[("large.so", &noise(6_000_000, seed))], &[]);
    }
    stock.add(&top, &[], &parts.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut server, key) = serving(stock.root(), &[&top]);
    let store = empty();
    for pause in [60, 120, 240] {
        let mut pulling = pulling(store.path(), &server.url("open"), &["--public-key", &key, &top]);
        let pulling = pulling.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        server.snowbank.kill();
        let output = pulling.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
        assert_eq!(verify(store.path()), Ok(()), "{}", said(&output));
        server.snowbank.restart();
    }
    told(&run(store.path(), &server.url("open"), &["--public-key", &key, &top]));
    assert_eq!(requisites(store.path(), &top).len(), 9);
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn a_pull_that_is_killed_leaves_a_sound_store_and_the_next_one_ends_it() {
    let (stock, _, top) = stock();
    let (server, key) = serving(stock.root(), &[&top]);
    let store = empty();
    for pause in [10, 30, 60, 90] {
        let mut pulling = pulling(store.path(), &server.url("open"), &["--public-key", &key, &top]);
        let mut pulling = pulling.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        let _ = pulling.kill();
        let _ = pulling.wait();
        assert_eq!(verify(store.path()), Ok(()));
    }
    told(&run(store.path(), &server.url("open"), &["--public-key", &key, &top]));
    assert_eq!(requisites(store.path(), &top).len(), 2);
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn a_cache_that_pulls_through_gives_what_it_has_yet_to_fetch() {
    let (stock, _, top) = stock();
    let (mut origin, key) = serving(stock.root(), &[&top]);
    let server = mirror(&origin.url("open"), &key);
    let key = server.public_key("mirror", "");
    let arguments = ["--public-key", key.as_str(), top.as_str()];
    let first = empty();
    let told_first = told(&run(first.path(), &server.url("mirror"), &arguments));
    assert_eq!(told_first["upstream"]["paths"], 2, "by the NAR: {told_first}");
    assert_eq!(verify(first.path()), Ok(()));
    origin.snowbank.kill();
    let second = empty();
    let told_second = told(&run(second.path(), &server.url("mirror"), &arguments));
    assert_eq!(told_second["pulled"]["paths"], 2, "by frames: {told_second}");
    assert_eq!(requisites(second.path(), &top).len(), 2);
    assert_eq!(verify(second.path()), Ok(()));
}

#[test]
fn what_the_cache_leaves_out_comes_from_an_upstream_if_that_has_signed_it() {
    let (stock, lib, top) = stock();
    let keys = tempfile::tempdir().unwrap();
    let (secret, public) = (keys.path().join("secret"), keys.path().join("public"));
    let mut make = snowbank_testkit::tools::command("nix-store");
    make.args(["--generate-binary-cache-key", "up-1"]).arg(&secret).arg(&public);
    good(&make.output().unwrap());
    let public = std::fs::read_to_string(public).unwrap();
    let mut sign = nix("nix", stock.root());
    sign.args(["--extra-experimental-features", "nix-command"]);
    // Nix 2.8 and later.
    sign.args(["store", "sign", "--key-file"]).arg(&secret).arg(&lib);
    good(&sign.output().unwrap());
    let upstream = files(stock.root(), &lib);
    let url = format!("file://{}", upstream.path().display());
    let server = Server::start(&format!(
        "[caches.own]\npublic = true\n[[caches.own.upstreams]]\nurl = '{url}'\nkeys = ['{}']\n",
        public.trim()
    ));
    let whole = files(stock.root(), &top);
    send(whole.path(), &server.url("own"), &server.token("own:push"), &[&top]);
    let key = server.public_key("own", "");
    let store = empty();
    let arguments = ["--public-key", key.as_str(), top.as_str()];
    let said = refused(&run(store.path(), &server.url("own"), &arguments), 1);
    assert!(said.contains("lib-1.0") && said.contains("--upstream"), "{said}");
    let with = |upstream_key: &str| {
        let more = ["--upstream", url.as_str(), "--upstream-key", upstream_key];
        run(store.path(), &server.url("own"), &[&more, &arguments[..]].concat())
    };
    refused(&with(STRANGER), 1);
    assert_eq!(all(store.path()), [""; 0]);
    let told = told(&with(public.trim()));
    assert_eq!((&told["pulled"]["paths"], &told["upstream"]["paths"]), (&1.into(), &1.into()), "{told}");
    assert_eq!(requisites(store.path(), &top), [lib, top]);
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn whoever_may_write_to_the_store_writes_it() {
    let (stock, _, top) = stock();
    let (server, key) = serving(stock.root(), &[&top]);
    for writer in ["root", "helper", "daemon"] {
        let store = empty();
        let _daemon = (writer == "daemon").then(|| NixDaemon::before(store.path(), "root"));
        let arguments = ["--public-key", key.as_str(), "--writer", writer, top.as_str()];
        told(&run(store.path(), &server.url("open"), &arguments));
        assert_eq!(requisites(store.path(), &top).len(), 2, "{writer}");
        assert_eq!(verify(store.path()), Ok(()), "{writer}");
        let info = path_info(store.path(), &top);
        let signatures: Vec<_> =
            info["signatures"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(signatures.iter().any(|signature| signature.starts_with("open-1:")), "{writer}: {info}");
    }
}

#[test]
fn a_daemon_that_trusts_neither_the_user_nor_the_key_is_told_of() {
    let (stock, _, top) = stock();
    let (server, key) = serving(stock.root(), &[&top]);
    let store = empty();
    let _daemon = NixDaemon::before(store.path(), "nobody");
    let arguments = ["--public-key", key.as_str(), "--writer", "daemon", top.as_str()];
    let said = refused(&run(store.path(), &server.url("open"), &arguments), 1);
    assert!(said.contains("add the cache's key to its `trusted-public-keys`"), "{said}");
}
