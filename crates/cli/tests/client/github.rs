//! `snowbank cache` of one repository, against a server in GitHub's place.

use std::process::{Command, Output};

use serde_json::{Value, json};
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::{MAIN, REPO, Remote, closure, command, said, with_api};

/// A server with two snapshots of `k`, and the token that saved them.
fn saved() -> Remote {
    let remote = Remote::server();
    for seeds in [&[1, 2][..], &[1, 3]] {
        let store = closure(seeds);
        remote.save(store.root(), store.top());
    }
    remote
}

fn served(remote: &Remote) -> (&Snowbank, &str) {
    let Remote::Server(server, token) = remote else { panic!("only a server has an API") };
    (server, token)
}

/// `cache ... --github`, which knows the job's cache service.
fn in_job(remote: &Remote, arguments: &[&str]) -> Output {
    let (server, token) = served(remote);
    let mut command = remote.command(&[&["cache", arguments[0], "--github"], &arguments[1..]].concat());
    with_api(&mut command, server, token).output().unwrap()
}

/// The same, on a laptop.
fn outside(remote: &Remote, arguments: &[&str]) -> Output {
    let (server, token) = served(remote);
    let mut command = command(&[&["cache", arguments[0], "--github"], &arguments[1..]].concat());
    let command = command.env("GITHUB_API_URL", format!("{}/api/v3/", server.url())).env("GH_TOKEN", token);
    command.args(["--repo", REPO]).output().unwrap()
}

fn data(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn parsed(output: &Output) -> Value {
    serde_json::from_str(&data(output)).unwrap()
}

#[test]
fn a_snapshot_is_one_line_with_its_packs() {
    let remote = saved();
    let output = in_job(&remote, &["list"]);
    let lines: Vec<String> = data(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let of = |key: &str| lines.iter().find(|line| line.contains(key)).unwrap();
    assert!(of("k#2").ends_with("acme/app  refs/heads/main  k#2  (with 2 packs)"), "{lines:#?}");
    assert!(of("k#1").ends_with("k#1  (with 0 packs, 1 shared with newer ones)"), "{lines:#?}");
    assert!(said(&output).contains("2 of 2 caches"), "{}", said(&output));

    let listed = parsed(&in_job(&remote, &["list", "--json", "--key-prefix", "k#2"]));
    assert_eq!((&listed["total_count"], &listed["unknown"]), (&json!(1), &json!(null)));
    let row = &listed["caches"][0];
    assert_eq!(
        (&row["kind"], &row["key"], &row["ref"]),
        (&json!("snapshot"), &json!("k#2"), &json!("refs/heads/main"))
    );
    assert_eq!(row["packs"]["own"].as_array().unwrap().len(), 2);
    let (server, _) = served(&remote);
    let all: Value =
        serde_json::from_str(&server.run(&["cache", "list", "--json", "--server", server.url()])).unwrap();
    let size = |key: &str| {
        let some = all["caches"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|cache| cache["key"].as_str().unwrap().starts_with(key));
        some.map(|cache| cache["size_in_bytes"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(row["size_in_bytes"], size("k#2") + size("snowbank-pack-"));
}

#[test]
fn who_has_the_server_s_state_sees_the_snapshots_of_every_ref() {
    let remote = saved();
    let (server, _) = served(&remote);
    let dev = server.token(REPO, &["refs/heads/dev:rw", "refs/heads/main:r"]);
    let store = closure(&[1, 4]);
    let mut saving = command(&["save", "--key", "k", "--remote", server.url(), store.top()]);
    let saving = saving.env("SNOWBANK_TOKEN", &dev).arg("--store").arg(store.root()).output().unwrap();
    assert!(saving.status.success(), "{}", said(&saving));
    let cache = |arguments: &[&str]| {
        server.run(
            &[&["cache", arguments[0], "--server", server.url(), "--repo", REPO], &arguments[1..]].concat(),
        )
    };
    let lines = cache(&["list"]);
    let ours = lines.lines().find(|line| line.contains("refs/heads/dev")).unwrap();
    assert!(lines.lines().count() == 3 && ours.contains("  (with "), "{lines}");
    assert!(cache(&["delete", "--key-prefix", "k#", "--yes"]).starts_with("deleted "));
    assert_eq!(cache(&["list"]), "");
}

#[test]
fn without_the_job_s_service_packs_are_one_line_with_the_reason() {
    let remote = saved();
    let output = outside(&remote, &["list"]);
    let told = data(&output);
    assert!(told.contains("k#1  (packs not known)"), "{told}");
    assert!(told.contains("refs/heads/main  2 packs  (it is not known whose)"), "{told}");
    assert!(said(&output).contains("none is known here"), "{}", said(&output));
    let output = outside(&remote, &["list", "--limit", "1", "--older-than", "1h"]);
    assert_eq!(data(&output), "");
}

#[test]
fn a_deletion_frees_the_packs_that_nothing_else_names() {
    let remote = saved();
    let deleted = parsed(&in_job(&remote, &["delete", "--key", "k#2", "--json", "--yes"]));
    assert_eq!((&deleted["deleted"], &deleted["packs_left"]), (&json!(2), &json!(0)), "{deleted}");
    let listed = data(&in_job(&remote, &["list"]));
    assert!(listed.lines().count() == 1 && listed.contains("k#1  (with 1 pack)"), "{listed}");
    assert!(
        data(&in_job(&remote, &["delete", "--key-prefix", "k#", "--yes"])).starts_with("deleted 2 caches, ")
    );
    assert_eq!(data(&in_job(&remote, &["list"])), "");
}

#[test]
fn in_doubt_packs_are_left() {
    let remote = saved();
    let output = outside(&remote, &["delete", "k#1", "--yes"]);
    assert!(data(&output).starts_with("deleted 1 cache, "), "{}", data(&output));
    assert!(said(&output).contains("the packs of what is deleted are left: "), "{}", said(&output));
    // Another ref's snapshot, which this job cannot read, may name what was there before it.
    let (server, _) = served(&remote);
    let dev = server.token(REPO, &["refs/heads/dev:rw", "refs/heads/main:r"]);
    let store = closure(&[1, 4]);
    let mut saving = command(&["save", "--key", "k", "--remote", server.url(), store.top()]);
    let saving = saving.env("SNOWBANK_TOKEN", &dev).arg("--store").arg(store.root()).output().unwrap();
    assert!(saving.status.success(), "{}", said(&saving));
    let admin = server.run(&["token", "create", "--admin"]);
    let mut deleting = remote.command(&["cache", "delete", "--github", "--key", "k#2", "--json", "--yes"]);
    let output = with_api(&mut deleting, server, admin.trim()).output().unwrap();
    let deleted = parsed(&output);
    assert_eq!((&deleted["deleted"], &deleted["packs_left"]), (&json!(1), &json!(2)), "{}", said(&output));
    assert!(said(&output).contains("2 packs left that another snapshot may name"), "{}", said(&output));
    // Now nothing names them, but they are another ref's than the one that this token may write.
    let mut deleting = command(&["cache", "delete", "--github", "--key-prefix", "k#", "--json", "--yes"]);
    let deleting = with_api(&mut deleting, server, &dev).args(["--remote", server.url()]);
    let output = deleting.env("SNOWBANK_TOKEN", &dev).output().unwrap();
    let deleted = parsed(&output);
    assert_eq!((&deleted["deleted"], &deleted["packs_left"]), (&json!(2), &json!(2)), "{}", said(&output));
}

#[test]
fn all_of_a_ref_or_of_the_repository_goes_with_its_packs() {
    for arguments in [&["delete", "--ref", "refs/heads/main", "--yes"][..], &["delete", "--all", "--yes"]] {
        let remote = saved();
        assert!(data(&outside(&remote, arguments)).starts_with("deleted 4 caches, "), "{arguments:?}");
        assert_eq!(data(&outside(&remote, &["list", "--all"])), "");
    }
}

#[test]
fn usage_has_the_shape_of_a_server_s() {
    let remote = saved();
    let usage = parsed(&outside(&remote, &["usage", "--json"]));
    let row = &usage["repositories"][0];
    assert_eq!(
        (&row["repository"], &row["entries"], &row["limit"]),
        (&json!(REPO), &json!(4), &json!(10_000_000_000_u64))
    );
    assert!(data(&outside(&remote, &["usage"])).contains("4 caches"));
}

#[test]
fn what_is_asked_for_wrongly_says_what_to_do() {
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).start();
    let token = server.token(REPO, &[MAIN]);
    let run = |arguments: &[&str], change: &dyn Fn(&mut Command)| {
        let mut command = command(&[&["cache"], arguments].concat());
        change(with_api(&mut command, &server, &token));
        let output = command.output().unwrap();
        (output.status.code(), said(&output))
    };
    let same = |_: &mut Command| {};
    let (code, told) = run(&["delete", "--github"], &same);
    assert!(code == Some(2) && told.contains("hint: by id"), "{told}");
    let (code, told) = run(&["list", "--github", "--older-than", "soon"], &same);
    assert!(code == Some(2) && told.contains("--older-than"), "{told}");
    let (code, told) = run(&["list", "--github"], &|command| {
        command.env_remove("GITHUB_TOKEN");
    });
    assert!(code == Some(2) && told.contains("GH_TOKEN"), "{told}");
    let (code, told) = run(&["usage", "--github"], &|command| {
        command.env_remove("GITHUB_REPOSITORY");
    });
    assert!(code == Some(2) && told.contains("--repo OWNER/NAME"), "{told}");
    let (code, told) = run(&["list", "--github", "--repo", "acme/other"], &same);
    assert!(code == Some(1) && told.contains("hint: is the repository's name right"), "{told}");
    let (code, told) = run(&["delete", "--github", "7", "--yes"], &same);
    assert!(code == Some(1) && told.contains("there is no such cache in acme/app"), "{told}");
    let (code, told) = run(&["list", "--github", "--remote", "folder"], &same);
    assert!(code == Some(0), "nothing has to be asked: {told}");
    let (code, told) = run(&["delete", "7", "--ref", "r", "--server", server.url()], &same);
    assert!(code == Some(2) && told.contains("leave --ref out"), "{told}");
    for arguments in [&["list", "--all"][..], &["delete", "--all"], &["delete", "k", "--dry-run"]] {
        let (code, told) = run(&[arguments, &["--server", server.url()]].concat(), &same);
        assert!(code == Some(2) && told.contains("--github"), "{told}");
    }
}
