//! `--lazy`, with a real Nix that asks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use snowbank_testkit::builds::{ALONE, EXPRESSION, project};
use snowbank_testkit::closure::verify;
use snowbank_testkit::snowbank::Snowbank;
use tempfile::TempDir;

use crate::builds::{build, built};
use crate::kit::{REPO, Remote, empty, said};

/// A command of ours on a store, in the project.
fn command(remote: &Remote, root: &Path, project: &TempDir, words: &[&str]) -> Command {
    let mut command = remote.command(&words[..1]);
    command.arg("--store").arg(root).args(&words[1..]).current_dir(project.path());
    command.env("NIX_CONF_DIR", "/nonexistent").env("NIX_CONFIG", ALONE);
    command
}

/// `snowbank run` of the build.
fn run(remote: &Remote, root: &Path, project: &TempDir, options: &[&str], change: &str) -> (Output, Value) {
    let _ = std::fs::remove_file(project.path().join("result"));
    let words = [&["run", "--key", "k", "--min-free", "1MB", "--json"], options, &["--"]].concat();
    let output =
        command(remote, root, project, &words).args(build(project.path(), root, change)).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let table = serde_json::from_str(said(&output).lines().last().unwrap()).unwrap();
    (output, table)
}

/// The build by itself, with what a restore has told the shell.
fn nix_build(root: &Path, project: &TempDir, config: &str, change: &str) -> Output {
    let words = build(project.path(), root, change);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("NIX_CONF_DIR", "/nonexistent").env("NIX_CONFIG", config);
    let output = command.env("HOME", project.path()).current_dir(project.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// The settings that a restore prints for the shell.
fn printed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let config = text.strip_prefix("export NIX_CONFIG='").and_then(|rest| rest.strip_suffix("'\n"));
    config.unwrap_or_else(|| panic!("{text}\n{}", said(output))).to_owned()
}

fn restored_lazily(remote: &Remote, root: &Path, project: &TempDir) -> String {
    let output = command(remote, root, project, &["restore", "--key", "k", "--lazy"]).output().unwrap();
    printed(&output)
}

fn url(config: &str) -> &str {
    let line = config.lines().find_map(|line| line.strip_prefix("extra-substituters = ")).unwrap();
    line.strip_suffix("?trusted=true").unwrap()
}

/// Whether somebody serves at `url`.
fn answers(url: &str) -> bool {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    write!(stream, "GET /{path}/nix-cache-info HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.contains(" 200 OK") && answer.contains("StoreDir: /nix/store")
}

/// The names of what is in a store.
fn names(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("nix/store")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() > 33 && !name.ends_with(".drv") && !name.ends_with(".lock"))
        .map(|name| name[33..].to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn nix_fetches_what_a_build_needs_and_no_more() {
    let Some(project) = project() else { return };
    for remote in [Remote::server(), Remote::folder()] {
        let (first, second, third) = (empty(), empty(), empty());
        let (output, table) = run(&remote, first.path(), &project, &[], "1");
        assert_eq!(built(&output), ["tool", "library", "program"], "{}", said(&output));
        assert_eq!(table["saved"], "k#1");
        let stages = table["stages"].as_array().unwrap();
        let counted = stages.iter().find(|stage| stage["what"] == "built").unwrap();
        assert_eq!(counted["paths"], 3, "{table}");
        let (output, table) = run(&remote, second.path(), &project, &["--lazy"], "1");
        assert_eq!((built(&output), &table["saved"]), (vec![], &json!(null)), "{}", said(&output));
        assert_eq!(table["stages"][0]["what"], "at hand");
        assert_eq!(names(second.path()), ["library", "program"], "{}", said(&output));
        // With a change, what that needs comes as well; and the next generation has both.
        let (output, table) = run(&remote, third.path(), &project, &["--lazy"], "2");
        assert_eq!((built(&output), &table["saved"]), (vec!["program".to_owned()], &json!("k#2")));
        assert_eq!(names(third.path()), ["library", "program"], "{}", said(&output));
        verify(third.path()).unwrap();
        let last = empty();
        remote.restore(last.path());
        assert_eq!(names(last.path()), ["library", "program", "program", "tool"]);
    }
}

#[test]
fn a_restore_leaves_a_cache_behind_until_the_save_that_ends_it() {
    let Some(project) = project() else { return };
    for remote in [Remote::server(), Remote::folder()] {
        let (first, second) = (empty(), empty());
        run(&remote, first.path(), &project, &[], "1");
        let config = restored_lazily(&remote, second.path(), &project);
        assert!(config.starts_with(ALONE) && config.contains("fallback = true\n"), "{config}");
        let output = nix_build(second.path(), &project, &config, "1");
        assert_eq!(built(&output), Vec::<String>::new(), "{}", said(&output));
        assert!(answers(url(&config)));
        // Another restore takes its place.
        let newer = restored_lazily(&remote, second.path(), &project);
        assert!(!answers(url(&config)) && answers(url(&newer)));
        let save =
            command(&remote, second.path(), &project, &["save", "--key", "k", "--end"]).output().unwrap();
        assert!(said(&save).contains("nothing new to save"), "{}", said(&save));
        assert!(!answers(url(&newer)));
        // Who asks it now builds for himself.
        let third = empty();
        let output = nix_build(third.path(), &project, &newer, "1");
        assert_eq!(built(&output), ["tool", "library", "program"], "{}", said(&output));
    }
}

#[test]
fn what_was_lost_is_built_and_so_is_what_cannot_be_had_any_more() {
    let Some(project) = project() else { return };
    let all = ["tool", "library", "program"];
    let mut remote = Remote::server();
    let (first, second, third) = (empty(), empty(), empty());
    run(&remote, first.path(), &project, &[], "1");
    let config = restored_lazily(&remote, second.path(), &project);
    let Remote::Server(server, _) = &mut remote else { unreachable!("it is one") };
    evict_packs(server);
    let output =
        command(&remote, third.path(), &project, &["restore", "--key", "k", "--lazy"]).output().unwrap();
    let output = nix_build(third.path(), &project, &printed(&output), "1");
    assert_eq!(built(&output), all, "{}", said(&output));
    // What serves the other store has found the packs, and finds the service gone. Some of it may be in its memory.
    let Remote::Server(server, _) = &mut remote else { unreachable!("it is one") };
    server.kill();
    let output = nix_build(second.path(), &project, &config, "1");
    assert!(names(second.path()).contains(&"program".to_owned()), "{}", said(&output));
    verify(second.path()).unwrap();
}

/// Deletes the entries of all packs.
fn evict_packs(server: &Snowbank) {
    let prefix = ["--repo", REPO, "--key-prefix", "snowbank-pack-"];
    server.run(&[&["cache", "delete", "--yes", "--server", server.url()], &prefix[..]].concat());
}

#[test]
fn auto_serves_what_is_little_used_and_restores_the_rest() {
    let Some(project) = project() else { return };
    let remote = Remote::server();
    let (first, second, third) = (empty(), empty(), empty());
    // Linked from the folder are the program and its library; the tool was used, too, but will not be.
    let large =
        EXPRESSION.replace("echo a tool", "yes | head -c 900000").replace("cat ${tool}", "head -c 9 ${tool}");
    std::fs::write(project.path().join("expression.nix"), large).unwrap();
    run(&remote, first.path(), &project, &[], "1");
    let (output, table) = run(&remote, second.path(), &project, &["--mode", "auto"], "1");
    assert_eq!(table["stages"][0]["what"], "at hand", "{}", said(&output));
    // Once the tool is named, it will be wanted.
    let tool = std::fs::read_dir(first.path().join("nix/store")).unwrap().find_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.ends_with("-tool").then(|| format!("/nix/store/{name}"))
    });
    remote.run(first.path(), &["save", "--key", "other", &tool.unwrap()]);
    let output = command(
        &remote,
        third.path(),
        &project,
        &["restore", "--key", "other", "--mode", "auto", "--json", "--min-free", "1MB"],
    )
    .output()
    .unwrap();
    let restored: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&restored["served"], &restored["restored"]["paths"]),
        (&json!(null), &json!(1)),
        "{}",
        said(&output)
    );
}
