//! `snowbank push`, interrupted, and several at once.

use std::process::Stdio;
use std::time::Duration;

use snowbank_testkit::proxy::{Fault, Faults, Proxy};

use crate::faults::visible;
use crate::kit::{CACHES, Server, ask, closure, good, said};
use crate::push::pushing;

/// From the client to the server.
fn up(fault: Fault) -> Faults {
    Faults { up: fault, down: Fault::default() }
}

#[test]
fn a_push_whose_ends_are_killed_anywhere_leaves_nothing_half_visible_and_the_next_one_ends_it() {
    let mut server = Server::start(CACHES);
    let token = server.token("open:push");
    let made = closure(150);
    for (round, pause) in [10, 30, 60, 100, 150, 250, 400].into_iter().enumerate() {
        let mut push = pushing(&server.url("open"), &token, &made, &[made.top()]);
        let mut push = push.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        if round % 2 == 0 {
            server.snowbank.kill();
        }
        push.kill().unwrap();
        let _ = push.wait();
        if round % 2 == 0 {
            server.snowbank.restart();
        }
        let there = visible(&server, &made);
        assert!(there == 0 || there == made.paths().len(), "all or nothing: {there}");
    }
    good(&pushing(&server.url("open"), &token, &made, &[made.top()]).output().unwrap());
    assert_eq!(visible(&server, &made), made.paths().len());
    server.snowbank.run(&["gc", "--grace", "0s"]);
    server.snowbank.run(&["check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_made_again() {
    let server = Server::start(CACHES);
    let proxy = Proxy::before(server.snowbank.url()["http://".len()..].parse().unwrap()).await;
    let token = server.token("open:push");
    let made = closure(160);
    proxy.set(up(Fault { cut_after: Some(500_000), ..Fault::default() }));
    let url = format!("{}/nix/open", proxy.url());
    let mut push = pushing(&url, &token, &made, &[made.top()]);
    let push = push.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.set(Faults::default());
    let output = tokio::task::spawn_blocking(|| push.wait_with_output().unwrap()).await.unwrap();
    good(&output);
    assert_eq!(visible(&server, &made), made.paths().len());
}

#[test]
fn pushes_of_the_same_closure_at_once_all_succeed() {
    let server = Server::start(CACHES);
    let made = closure(170);
    let tokens: Vec<_> = (0..2).map(|_| server.token("open:push")).collect();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (server, made, token) = (&server, &made, &tokens[number % 2]);
            scope.spawn(move || {
                good(&pushing(&server.url("open"), token, made, &[made.top()]).output().unwrap());
            });
        }
    });
    assert_eq!(visible(&server, &made), made.paths().len());
    server.snowbank.run(&["check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_in_the_middle_of_a_push_ends_it() {
    let server = Server::start(CACHES);
    let proxy = Proxy::before(server.snowbank.url()["http://".len()..].parse().unwrap()).await;
    let token = server.token("open:push");
    let made = closure(180);
    proxy.set(up(Fault { bytes_per_second: Some(500_000), ..Fault::default() }));
    let url = format!("{}/nix/open", proxy.url());
    let mut push = pushing(&url, &token, &made, &[made.top()]);
    let push = push.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let listed: serde_json::Value =
        serde_json::from_str(&server.snowbank.run(&["token", "list", "--json"])).unwrap();
    let id = listed[0]["id"].as_str().or_else(|| listed["tokens"][0]["id"].as_str()).unwrap().to_owned();
    server.snowbank.run(&["token", "revoke", &id]);
    let output = tokio::task::spawn_blocking(|| push.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("401"), "{}", said(&output));
    let (status, _) = ask(&token, &[&format!("{}/nix-cache-info", server.url("open"))]);
    assert_eq!(status, 401);
    assert_eq!(visible(&server, &made), 0);
}
