//! `snowbank health`: what it says, and its exit codes.

use std::process::{Command, Output};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use snowbank_testkit::process::free_port;

use crate::server::{block_on, snowbank};

fn health(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.arg("health").args(arguments).env_clear().envs(environment.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text.trim().to_owned())
}

#[test]
fn a_server_that_runs_is_ready() {
    let server = snowbank().start();
    assert_eq!(said(&health(&["--server", server.url()], &[])), (Some(0), "ready".to_owned()));
    let told = health(&["--json", "--server", server.url()], &[]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["ready"], &told["storage"]), (&true.into(), &"ok".into()));
}

#[test]
fn the_server_of_this_machine_is_where_its_configuration_says() {
    let server = snowbank().start();
    let port = server.url().rsplit_once(':').unwrap().1;
    // Everywhere is no address to ask, and a proxy leads elsewhere.
    let listen = format!("0.0.0.0:{port}");
    let environment = [("SNOWBANK_LISTEN", listen.as_str()), ("http_proxy", "http://127.0.0.1:1")];
    assert_eq!(said(&health(&[], &environment)), (Some(0), "ready".to_owned()));
    let (code, text) = said(&health(&[], &[("SNOWBANK_LISTEN", "127.0.0.1:0")]));
    assert!(code == Some(2) && text.contains("--server"), "{text}");
}

#[test]
fn what_is_not_ready_is_told() {
    let (code, text) = said(&health(&["--server", &format!("http://127.0.0.1:{}", free_port())], &[]));
    assert!(code == Some(1) && text.contains("could not be asked"), "{text}");
    assert!(text.contains("hint: is it running?"), "{text}");
    for (url, words) in [
        ("127.0.0.1:8484", "did you mean http://127.0.0.1:8484"),
        ("cache.example.org", "did you mean http://cache.example.org"),
        ("ftp://cache.example.org", "http or https"),
    ] {
        let (code, text) = said(&health(&["--server", url], &[]));
        assert!(code == Some(2) && text.contains(words), "{text}");
    }
    block_on(async {
        let body = r#"{"ready":false,"database":"ok","storage":"does not keep what is written","disk":"ok"}"#;
        let routes = Router::new()
            .route("/readyz", get(move || async move { (StatusCode::SERVICE_UNAVAILABLE, body) }))
            .route("/other/readyz", get(|| async { "welcome" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        tokio::task::spawn_blocking(move || {
            let (code, text) = said(&health(&["--server", &url], &[]));
            assert!(code == Some(1) && text.contains("storage: does not keep"), "{text}");
            assert!(!text.contains("database"), "{text}");
            let (code, text) = said(&health(&["--server", &format!("{url}/other")], &[]));
            assert!(code == Some(1) && text.contains("no word on its health"), "{text}");
        })
        .await
        .unwrap();
    });
}
