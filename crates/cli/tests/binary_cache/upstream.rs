//! Caches with upstreams: what closures may leave out, and what is pulled through.

use std::path::Path;

use snowbank_testkit::closure::{nix, requisites, succeed, verify};

use crate::kit::{CACHES, Server, ask, closure, empty, good, hash_part, pull, push};

/// A server whose cache `mirror` pulls through from the cache at `url`.
pub(crate) fn mirror(url: &str, key: &str) -> Server {
    Server::start(&format!(
        "[caches.mirror]\npublic = true\npull_through = true\n\
         [[caches.mirror.upstreams]]\nurl = '{url}'\nkeys = ['{key}']\n"
    ))
}

const KEY: &str = "x-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

/// A cache of files, as Nix makes it.
pub(crate) fn files(root: &Path, top: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}?compression=xz", folder.path().display());
    let copy = ["--extra-experimental-features", "nix-command", "copy", "--to", &url, top];
    succeed(nix("nix", root).args(copy));
    folder
}

#[test]
fn what_an_upstream_has_is_fetched_once_and_served_without_it() {
    let made = closure(10);
    let mut origin = Server::start(CACHES);
    let netrc = origin.netrc(&origin.token("open:push"));
    good(&push(made.root(), &origin.url("open"), Some(&netrc), &[made.top()]));
    let server = mirror(&origin.url("open"), &origin.public_key("open", ""));
    let key = server.public_key("mirror", "");
    let first = empty();
    good(&pull(first.path(), &server.url("mirror"), None, &key, made.top()));
    assert_eq!(requisites(first.path(), made.top()), made.paths());
    origin.snowbank.kill();
    let second = empty();
    good(&pull(second.path(), &server.url("mirror"), None, &key, made.top()));
    assert_eq!(verify(second.path()), Ok(()));
    let unknown = format!("{}/1v2iccirbrvklck36f1g7vldn5v58vck.narinfo", server.url("mirror"));
    assert_eq!(ask("", &[&unknown]).0, 404, "an upstream that is down has nothing, and is no error");
}

#[test]
fn an_upstream_that_lies_is_not_believed() {
    let made = closure(20);
    let cache = files(made.root(), made.top());
    let path = made.paths().into_iter().find(|path| path.ends_with("tree-20")).unwrap();
    let other = made.paths().into_iter().find(|path| path.ends_with("tree-21")).unwrap();
    let told = |path: &str| {
        let info = cache.path().join(format!("{}.narinfo", hash_part(path)));
        std::fs::read_to_string(info).unwrap()
    };
    let file = |path: &str| {
        let told = told(path);
        let url = told.lines().find_map(|line| line.strip_prefix("URL: ")).unwrap();
        cache.path().join(url)
    };
    std::fs::copy(file(&other), file(&path)).unwrap();
    let server = mirror(&format!("file://{}", cache.path().display()), KEY);
    let info = ask("", &[&format!("{}/{}.narinfo", server.url("mirror"), hash_part(&path))]);
    assert_eq!(info.0, 200, "the info is content-addressed, so it is believed: {}", info.1);
    let url = info.1.lines().find_map(|line| line.strip_prefix("URL: ")).unwrap().to_owned();
    assert_eq!(ask("", &[&format!("{}/{url}", server.url("mirror"))]).0, 404);
    // An info of another path under this one's name.
    let info = cache.path().join(format!("{}.narinfo", hash_part(made.top())));
    std::fs::write(&info, told(&other)).unwrap();
    assert_eq!(ask("", &[&format!("{}/{}.narinfo", server.url("mirror"), hash_part(made.top()))]).0, 404);
}

/// Pushes these paths of a cache of files, without what they refer to.
pub(crate) fn send(files: &Path, url: &str, token: &str, paths: &[&str]) {
    for path in paths {
        let info = format!("{}.narinfo", hash_part(path));
        let told = std::fs::read_to_string(files.join(&info)).unwrap();
        let nar = told.lines().find_map(|line| line.strip_prefix("URL: ")).unwrap();
        for file in [nar, &info] {
            let content = files.join(file).display().to_string();
            let (status, body) = ask(token, &["-T", &content, &format!("{url}/{file}")]);
            assert_eq!(status, 201, "{file}: {body}");
        }
    }
}

#[test]
fn a_closure_may_leave_out_what_an_upstream_has() {
    let made = closure(30);
    let tree = made.paths().into_iter().find(|path| path.ends_with("tree-30")).unwrap();
    let upstream = files(made.root(), &tree);
    let config = format!(
        "[caches.own]\npublic = true\n[[caches.own.upstreams]]\nurl = 'file://{}'\nkeys = ['{KEY}']\n",
        upstream.path().display()
    );
    let server = Server::start(&config);
    let token = server.token("own:push");
    // Nix pushes whole closures, so what it would send of the others is sent without it.
    let whole = files(made.root(), made.top());
    let url = server.url("own");
    let other = made.paths().into_iter().find(|path| path.ends_with("tree-31")).unwrap();
    send(whole.path(), &url, &token, &[other.as_str(), made.top()]);
    assert_eq!(ask("", &[&format!("{url}/{}.narinfo", hash_part(made.top()))]).0, 200);
    assert_eq!(ask("", &[&format!("{url}/{}.narinfo", hash_part(&tree))]).0, 404);
    // Without the upstream the same is refused.
    let bare = Server::start("[caches.own]\npublic = true\n");
    let token = bare.token("own:push");
    let info = format!("{}.narinfo", hash_part(made.top()));
    let told = std::fs::read_to_string(whole.path().join(&info)).unwrap();
    let nar = told.lines().find_map(|line| line.strip_prefix("URL: ")).unwrap();
    let put = |file: &str| {
        let content = whole.path().join(file).display().to_string();
        ask(&token, &["-T", &content, &format!("{}/{file}", bare.url("own"))])
    };
    assert_eq!(put(nar).0, 201);
    let (status, body) = put(&info);
    assert!(status == 400 && body.contains("tree-30"), "{status} {body}");
}
