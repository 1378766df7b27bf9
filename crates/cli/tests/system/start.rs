//! Starting a server: what it says the first time, and what it refuses.

use std::process::Command;

use snowbank_testkit::wire::WireClient;

use crate::server::{block_on, snowbank};

#[test]
fn a_first_start_says_how_to_use_the_server() {
    let mut server = snowbank().start();
    let url = format!("ACTIONS_RESULTS_URL={}/", server.url());
    server.process().wait_for_line("its URL", |line| line.contains(&url).then_some(()));
    let line = server
        .process()
        .wait_for_line("how a token is made", |line| line.contains("token create").then(|| line.to_owned()));
    let dashboard = format!("dashboard is at {}/", server.url());
    server.process().wait_for_line("its dashboard", |line| line.contains(&dashboard).then_some(()));
    // The line as it stands there, run by a shell that finds this binary under its name.
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_snowbank")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let script = format!("{}\nprintf %s \"$ACTIONS_RUNTIME_TOKEN\"", line.trim());
    let token = Command::new("sh").args(["-c", &script]).env("PATH", path).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap();
    block_on(async {
        let wire = WireClient::new(server.url(), &token);
        wire.save("k", "v", b"content").await.unwrap();
        assert_eq!(&wire.restore(&["k"], "v").await.unwrap().unwrap().1[..], b"content");
    });
    server.restart();
    let wire = WireClient::new(server.url(), &token);
    assert!(block_on(wire.lookup(&["k"], "v")).unwrap().is_some(), "the secrets stay");
    assert!(!server.process().output().contains("token create"), "it is said once");
}

#[test]
fn a_second_server_on_the_same_data_is_told_so_whatever_its_address() {
    let server = snowbank().start();
    let address = server.url().trim_start_matches("http://");
    for listen in [address, "127.0.0.1:0"] {
        let mut second = Command::new(env!("CARGO_BIN_EXE_snowbank"));
        let output =
            second.args(["serve", "--listen", listen, "--data"]).arg(server.data()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("another `snowbank serve` is running on"), "{said}");
    }
}

#[test]
fn a_file_of_settings_that_is_not_there_and_a_damaged_catalog_come_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(
        data.path().join("catalog.db"),
        "no database, but as long as the beginning of one".repeat(9),
    )
    .unwrap();
    let serve = |arguments: &[&str]| {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_snowbank"));
        let output = serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = serve(&["--config", "/nonexistent/snowbank.toml"]);
    assert!(code == Some(2) && said.contains("hint: --config and SNOWBANK_CONFIG name it"), "{said}");
    let (code, said) = serve(&[]);
    assert!(code == Some(1) && said.contains("from a backup"), "{said}");
}

#[test]
fn trust_is_refused_where_others_can_reach_the_server() {
    let data = tempfile::tempdir().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_snowbank"))
        .args(["serve", "--listen", "0.0.0.0:0", "--trust-loopback", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("loopback") && said.contains("0.0.0.0"), "{said}");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man/man1");
    let run = |to: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_snowbank")).arg("man").arg(to).output().unwrap()
    };
    let output = run(&pages);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(pages.join("snowbank-image-push.1")).unwrap();
    assert!(page.contains(".TH snowbank-image-push 1") && page.contains("nix2container"), "{page}");
    assert!(pages.join("snowbank.1").exists());
    let nowhere = run(std::path::Path::new("/dev/null/x"));
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/dev/null/x"));
}
