//! `snowbank push`: what it sends, and what unmodified Nix gets of it.

use std::process::{Command, Output};

use serde_json::Value;
use snowbank_testkit::closure::{Closure, nix, requisites, verify};

use crate::kit::{CACHES, Server, ask, closure, empty, good, hash_part, pull, said};

/// `snowbank push --json` of these paths.
pub(crate) fn pushing(url: &str, token: &str, made: &Closure, paths: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(["push", "--json", "--to", url, "--store"]).arg(made.root()).args(paths);
    command.env("SNOWBANK_TOKEN", token).env("NIX_CONF_DIR", "/nonexistent").env("HOME", made.root());
    command
}

fn push(url: &str, token: &str, made: &Closure, paths: &[&str]) -> Output {
    pushing(url, token, made, paths).output().unwrap()
}

fn pushed(url: &str, token: &str, made: &Closure) -> Value {
    let output = push(url, token, made, &[made.top()]);
    good(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}: {value}"))
}

#[test]
fn what_is_pushed_nix_pulls_with_signatures_checked() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let made = closure(1);
    let told = pushed(&server.url("open"), &token, &made);
    assert_eq!(number(&told, "/pushed/paths"), made.paths().len() as u64);
    let store = empty();
    let key = server.public_key("open", "");
    good(&pull(store.path(), &server.url("open"), None, &key, made.top()));
    assert_eq!(requisites(store.path(), made.top()), made.paths());
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn nothing_new_is_one_question() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let made = closure(2);
    pushed(&server.url("open"), &token, &made);
    let told = pushed(&server.url("open"), &token, &made);
    assert_eq!(number(&told, "/there/paths"), made.paths().len() as u64);
    assert_eq!((number(&told, "/sent/bytes"), number(&told, "/traffic/requests")), (0, 1));
}

#[test]
fn only_chunks_that_the_cache_lacks_are_sent() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("large"), &snowbank_testkit::noise::noise(700_000, 1)[..]).unwrap();
    std::fs::write(tree.join("version"), "1").unwrap();
    let old = Closure::of(&[("tree", &tree)]);
    std::fs::write(tree.join("version"), "2").unwrap();
    let new = Closure::of(&[("tree", &tree)]);
    let first = pushed(&server.url("open"), &token, &old);
    assert!(number(&first, "/traffic/sent") > 700_000, "{first}");
    // By somebody else, who knows them because he may read what the first has pushed.
    let second = pushed(&server.url("open"), &server.token("open:push"), &new);
    assert!(number(&second, "/traffic/sent") < 20_000, "{second}");
    let store = empty();
    good(&pull(store.path(), &server.url("open"), None, &server.public_key("open", ""), new.top()));
    assert_eq!(verify(store.path()), Ok(()));
}

#[test]
fn another_cache_of_the_owner_keeps_nothing_twice() {
    let server = Server::start(CACHES);
    let made = closure(3);
    let token = server.token("*:push");
    let disk = || crate::kit::size_of(&server.snowbank.data().join("bucket/packs"));
    pushed(&server.url("open"), &token, &made);
    let once = disk();
    assert!(once > 1_400_000, "two trees of 700 kB: {once}");
    pushed(&server.url("team"), &token, &made);
    assert_eq!(disk(), once);
}

#[test]
fn a_path_whose_content_is_not_what_nix_wrote_down_is_left_with_what_refers_to_it() {
    let server = Server::start(CACHES);
    let token = server.token("open:push");
    let made = closure(4);
    let tree = made.paths().into_iter().find(|path| path.contains("tree-4")).unwrap();
    let file = made.root().join(&tree[1..]).join("lib/0.py");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&file, "something else").unwrap();
    let output = push(&server.url("open"), &token, &made, &[made.top()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("they make one of hash"), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((number(&told, "/pushed/paths"), told["left"].as_array().unwrap().len()), (1, 2));
    let shown = |path: &str| ask("", &[&format!("{}/{}.narinfo", server.url("open"), hash_part(path))]).0;
    assert_eq!((shown(&tree), shown(made.top())), (404, 404));
}

#[test]
fn what_an_upstream_has_signed_is_left_to_it() {
    let keys = tempfile::tempdir().unwrap();
    let (secret, public) = (keys.path().join("secret"), keys.path().join("public"));
    let mut make = snowbank_testkit::tools::command("nix-store");
    make.args(["--generate-binary-cache-key", "upstream-1"]).arg(&secret).arg(&public);
    good(&make.output().unwrap());
    let key = std::fs::read_to_string(&public).unwrap();
    let made = closure(6);
    let tree = made.paths().into_iter().find(|path| path.ends_with("tree-6")).unwrap();
    let files = tempfile::tempdir().unwrap();
    let upstream = format!("file://{}", files.path().display());
    good(&crate::kit::push(
        made.root(),
        &format!("{upstream}?secret-key={}", secret.display()),
        None,
        &[&tree],
    ));
    let mut sign = nix("nix", made.root());
    sign.args(["--extra-experimental-features", "nix-command", "store", "sign", "--key-file"]);
    good(&sign.arg(&secret).arg(&tree).output().unwrap());
    let server = Server::start(&format!(
        "[caches.open]\npublic = true\nupstreams = [{{ url = '{upstream}', keys = ['{}'] }}]\n\
         [caches.alone]\npublic = true\n",
        key.trim()
    ));
    let token = server.token("*:push");
    let push = |cache: &str, more: &[&str]| {
        let mut command = pushing(&server.url(cache), &token, &made, &[made.top()]);
        command.args(["--upstream", &upstream, "--upstream-key", key.trim()]).args(more).output().unwrap()
    };
    let output = push("open", &[]);
    good(&output);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((number(&told, "/upstream/paths"), number(&told, "/pushed/paths")), (1, 2));
    assert_eq!(ask("", &[&format!("{}/{}.narinfo", server.url("open"), hash_part(&tree))]).0, 404);
    // A cache that does not know of the upstream takes nothing that lacks its references.
    let output = push("alone", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("tree-6") && said(&output).contains("--keep-upstream"),
        "{}",
        said(&output)
    );
    good(&push("alone", &["--keep-upstream"]));
}

#[test]
fn errors_say_what_to_do() {
    let server = Server::start(CACHES);
    let made = closure(5);
    let reader = server.token("open:pull");
    let url = server.url("open");
    let nobody = "http://127.0.0.1:9/nix/open";
    for (url, token, path, code, words) in [
        (url.as_str(), "", made.top(), 1, "snowbank token create --cache NAME:push"),
        (&url, &reader, made.top(), 1, "may not push"),
        (&server.url("absent"), &reader, made.top(), 1, "no such cache"),
        (nobody, &reader, made.top(), 1, "is its server running?"),
        ("http://host/open", &reader, made.top(), 2, "http://HOST/nix/NAME"),
        (&url, &reader, "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-absent", 2, "is not in the store"),
    ] {
        let output = push(url, token, &made, &[path]);
        assert_eq!(output.status.code(), Some(code), "{url}: {}", said(&output));
        assert!(said(&output).contains(words), "{url}: {}", said(&output));
        assert!(token.is_empty() || !said(&output).contains(token), "{}", said(&output));
    }
}
