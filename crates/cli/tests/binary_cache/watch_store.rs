//! `snowbank watch-store`: real builds, and a server that comes and goes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use snowbank_testkit::builds;
use snowbank_testkit::closure::{nix, succeed};
use snowbank_testkit::proxy::Proxy;

use crate::builds::{build, built, made};
use crate::kit::{CACHES, Server, ask, empty, good, hash_part, said};

/// A watch that has begun.
struct Watch(Child);

impl Watch {
    fn start(url: &str, token: &str, root: &std::path::Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
        command.args(["watch-store", "--to", url, "--store"]).arg(root).args(more);
        command.env("SNOWBANK_TOKEN", token).env("NIX_CONF_DIR", "/nonexistent").env("HOME", root);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
        loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it has ended");
            if line.contains("from now on") {
                break;
            }
        }
        Self(child)
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap().success());
    }

    fn end(self) -> Output {
        self.signal("INT");
        self.0.wait_with_output().unwrap()
    }
}

fn shown(server: &Server, path: &str) -> bool {
    ask("", &[&format!("{}/{}.narinfo", server.url("open"), hash_part(path))]).0 == 200
}

fn add(root: &std::path::Path, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), name).unwrap();
    succeed(nix("nix-store", root).arg("--add").arg(folder.path().join(name))).trim().to_owned()
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come about");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_built_while_it_runs_is_pushed() {
    let Some(project) = builds::project() else { return };
    let server = Server::start(CACHES);
    let store = empty();
    let before = add(store.path(), "before");
    let watch = Watch::start(&server.url("open"), &server.token("open:push"), store.path(), &[]);
    let output = build(store.path(), &project, "1", builds::ALONE);
    good(&output);
    assert_eq!(built(&output), 3, "{}", said(&output));
    until("the push", || shown(&server, &made(&output)));
    let last = add(store.path(), "last");
    let ended = watch.end();
    good(&ended);
    assert!(shown(&server, &last), "{}", said(&ended));
    assert!(!shown(&server, &before), "{}", said(&ended));
}

fn address(server: &Server) -> SocketAddr {
    server.snowbank.url()["http://".len()..].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let mut server = Server::start(CACHES);
    let proxy = Proxy::before(address(&server)).await;
    let store = empty();
    let token = server.token("open:push");
    let watch = Watch::start(&format!("{}/nix/open", proxy.url()), &token, store.path(), &[]);
    server.snowbank.kill();
    let path = add(store.path(), "while-away");
    std::thread::sleep(Duration::from_secs(2));
    server.snowbank.restart();
    proxy.lead_to(address(&server));
    until("the push", || shown(&server, &path));
    good(&watch.end());
}

#[test]
fn the_end_waits_only_so_long_and_tells_what_is_left() {
    let mut server = Server::start(CACHES);
    let store = empty();
    let token = server.token("open:push");
    let watch = Watch::start(&server.url("open"), &token, store.path(), &["--drain", "1s"]);
    server.snowbank.kill();
    let path = add(store.path(), "while-away");
    let begun = Instant::now();
    let ended = watch.end();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    let name = path.rsplit('/').next().unwrap();
    assert!(said(&ended).contains(&format!("{name} was not pushed in time")), "{}", said(&ended));
}

#[test]
fn who_may_not_push_learns_it_at_once() {
    let server = Server::start(CACHES);
    let store = empty();
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(["watch-store", "--to", &server.url("open"), "--store"]).arg(store.path());
    command.env("SNOWBANK_TOKEN", server.token("open:pull")).env("NIX_CONF_DIR", "/nonexistent");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("may not push"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_while_the_first_answer_is_waited_for_counts() {
    let mut server = Server::start(CACHES);
    let proxy = Proxy::before(address(&server)).await;
    let store = empty();
    let token = server.token("open:push");
    server.snowbank.kill();
    let (path, watch) = std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            add(store.path(), "early")
        });
        let watch = Watch::start(&format!("{}/nix/open", proxy.url()), &token, store.path(), &[]);
        (adding.join().unwrap(), watch)
    });
    server.snowbank.restart();
    proxy.lead_to(address(&server));
    until("the push", || shown(&server, &path));
    good(&watch.end());
}
