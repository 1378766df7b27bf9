//! Tokens and keys as people make them, on a server that runs beside.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use bytes::Bytes;
use serde_json::Value;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

use crate::server::{block_on, snowbank};

/// Status of the answer to this token, and what it may do with a cache.
fn rights(server: &Snowbank, token: &str) -> (u16, Value) {
    let client = WireClient::new(server.url(), token);
    block_on(async {
        let get = "GET".parse().unwrap();
        let answer = client.request(get, "/api/v1/rights?cache=team-a", &[], Bytes::new()).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    })
}

fn run(arguments: &[&str], server: &Snowbank) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(arguments).arg("--data").arg(server.data()).output().unwrap()
}

fn list(server: &Snowbank) -> Vec<Value> {
    serde_json::from_str(&server.run(&["token", "list", "--json"])).unwrap()
}

#[test]
fn a_token_is_made_listed_and_revoked_beside_a_running_server() {
    let server = snowbank().start();
    let create = ["token", "create", "--cache", "team-*:pull,push", "--note", "laptop", "--expires", "90d"];
    let token = server.run(&create).trim().to_owned();
    let (status, may) = rights(&server, &token);
    assert_eq!((status, &may["push"], &may["admin"]), (200, &true.into(), &false.into()));

    let listed = list(&server);
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!((listed.len(), &listed[0]["note"]), (1, &"laptop".into()));
    assert_eq!((&listed[0]["rights"], &listed[0]["revoked"]), (&"team-*:pull,push".into(), &false.into()));
    let plain = server.run(&["token", "list"]);
    assert!(plain.contains("laptop") && !plain.contains(&token), "{plain}");

    server.run(&["token", "revoke", &id[..6]]);
    assert_eq!(rights(&server, &token).0, 401, "the server asks every time");
    assert_eq!(list(&server)[0]["revoked"], true);
}

#[test]
fn a_token_for_what_is_not_there_is_made_with_a_warning() {
    let server = snowbank().start();
    let config = server.data().join("snowbank.toml");
    std::fs::write(&config, "[caches.team]\nowner = \"acme\"\n").unwrap();
    let create = |arguments: &[&str]| {
        let output =
            run(&[&["token", "create", "--config", config.to_str().unwrap()], arguments].concat(), &server);
        assert!(output.status.success() && output.stdout.len() > 100, "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(create(&["--cache", "taem:push"]).contains("matches `taem`"));
    let main = create(&["--repo", "acme/app", "--scope", "main:rw"]);
    assert_eq!(main.matches("warning: ").count(), 1, "{main}");
    assert!(main.contains("refs/heads/main:rw"), "{main}");
    for right in [&["--cache", "te*:pull,push"][..], &["--repo", "acme/app", "--scope", "refs/heads/main:rw"]]
    {
        assert_eq!(create(right), "", "{right:?}");
    }
}

#[test]
fn a_token_that_is_unknown_cannot_be_revoked() {
    let server = snowbank().start();
    let refused = run(&["token", "revoke", "0123456789"], &server);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("0123456789") && said.contains("snowbank token list"), "{said}");
}

#[test]
fn a_token_is_for_one_kind_of_thing() {
    let server = snowbank().start();
    for wrong in [
        &["token", "create"][..],
        &["token", "create", "--admin", "--cache", "a:pull"],
        &["token", "create", "--cache", "a:all"],
        &["token", "create", "--cache", "A:pull"],
        &["token", "create", "--repo", "acme/app"],
        &["token", "create", "--cache", "a:pull", "--scope", "refs/heads/main:rw"],
    ] {
        assert_eq!(run(wrong, &server).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_key_is_written_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let generate = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
        command.args(["key", "generate", "cache.example.org-1", "--out"]).arg(&file).output().unwrap()
    };
    let made = generate();
    assert!(made.status.success(), "{made:?}");
    let public = String::from_utf8(made.stdout).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&file).unwrap();
    let nix = Command::new("nix")
        .args(["--extra-experimental-features", "nix-command", "key", "convert-secret-to-public"])
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(nix.stdout).unwrap().trim(), public.trim());
    assert_eq!(generate().status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
}
