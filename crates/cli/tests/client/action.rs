//! The action, run by a small runner as GitHub's runs it, against a real server in the place of GitHub's cache.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::runner::{Job, Step};
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::tools::repository;

use crate::kit::{MAIN, REPO, empty};

const BINARY: &str = env!("CARGO_BIN_EXE_snowbank");

fn server() -> Snowbank {
    Snowbank::builder(BINARY).start()
}

/// A job on a machine with an empty store.
fn job(server: &Snowbank, scope: &str, root: &Path) -> Job {
    let token = server.token(REPO, &[scope]);
    Job::new(server.url(), &token).env("SNOWBANK_STORE", root.display().to_string())
}

fn outputs(step: &Step) -> BTreeMap<&str, &str> {
    step.outputs.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// A step that adds a file to the store and prints its path.
fn build(root: &Path, text: &str) -> String {
    let store = root.display();
    format!("echo {text} > {text}; NIX_CONF_DIR=/nonexistent nix-store --store {store} --add $PWD/{text}")
}

fn path(step: &Step) -> String {
    assert!(step.output.status.success(), "{}", step.said());
    step.said().lines().find(|line| line.starts_with("/nix/store/")).unwrap().to_owned()
}

#[test]
fn a_job_restores_what_the_last_one_built_and_saves_what_is_new() {
    let server = server();
    let inputs = [("binary", BINARY), ("restore-keys", "nix-\nother-")];
    let mut paths: Vec<String> = Vec::new();
    for (round, text) in ["one", "one", "two"].into_iter().enumerate() {
        let root = empty();
        let mut job = job(&server, MAIN, root.path());
        let (main, started) = job.start(&repository(), &inputs);
        assert!(main.output.status.success(), "{}", main.said());
        let outputs = outputs(&main);
        let key = outputs["cache-primary-key"];
        assert!(key.starts_with("nix-linux-") && key.ends_with("-build-and-test"), "{key}");
        let hit = (round > 0).then_some("true");
        assert_eq!(outputs.get("cache-hit").copied(), hit, "{}", main.said());
        let sizes = ["restored-paths", "restored-bytes", "downloaded-bytes", "restore-seconds"];
        assert!(sizes.iter().all(|name| outputs.contains_key(name) == (round > 0)), "{outputs:?}");
        assert!(main.said().contains("::add-mask::"), "{}", main.said());
        if round > 0 {
            assert_eq!(requisites(root.path(), &paths[0]), paths[..1]);
        }
        // A later step knows the service without having its token in the environment.
        let look = format!("! env | grep -i token; snowbank restore --lookup-only --key {key}");
        let look = job.run(&look);
        assert_eq!(look.outputs.get("cache-hit").map(String::as_str), hit, "{}", look.said());
        paths.push(path(&job.run(&build(root.path(), text))));
        let post = job.finish(&started);
        assert!(post.output.status.success(), "{}", post.said());
        let expected = [format!("saved as {key}#1"), "nothing new".to_owned(), format!("saved as {key}#2")];
        assert!(post.said().contains(&expected[round]), "{}", post.said());
        verify(root.path()).unwrap();
    }
}

#[test]
fn with_a_token_for_it_older_generations_go_and_the_page_says_what_is_used() {
    let server = server();
    let token = server.token(REPO, &[MAIN]);
    let saved = |text: &str, inputs: &[(&str, &str)]| {
        let root = empty();
        let mut job = job(&server, MAIN, root.path()).github(server.url(), REPO, &token);
        let (_, started) = job.start(&repository(), &[&[("binary", BINARY), ("key", "k")], inputs].concat());
        job.run(&build(root.path(), text));
        let post = job.finish(&started);
        assert!(post.output.status.success() && post.said().contains("saved as k#"), "{}", post.said());
        // Later steps know which packs are whose: they have the service at hand.
        let listed = job.run(&format!("GH_TOKEN={token} snowbank cache list --github"));
        assert!(listed.said().contains(" pack"), "{}", listed.said());
        assert!(!listed.said().contains("not known"), "{}", listed.said());
        post
    };
    for text in ["one", "two"] {
        let post = saved(text, &[]);
        assert!(post.summary.contains("\nrepository uses "), "{}", post.summary);
        assert!(post.said().contains(&format!("::add-mask::{token}")), "{}", post.said());
    }
    let post = saved("three", &[("github-token", "")]);
    assert!(!post.summary.contains("uses"), "{}", post.summary);
    let post = saved("four", &[]);
    assert!(post.said().contains("freed") && post.said().contains("2 older generations"), "{}", post.said());
}

#[test]
fn the_jobs_of_a_matrix_add_to_one_series() {
    let server = server();
    let inputs = [("binary", BINARY), ("key", "matrix")];
    let built: Vec<_> = std::thread::scope(|scope| {
        let jobs = ["a", "b", "c"].map(|text| {
            let server = &server;
            scope.spawn(move || {
                let root = empty();
                let mut job = job(server, MAIN, root.path()).env("GITHUB_RUN_ID", "7");
                let (_, started) = job.start(&repository(), &inputs);
                let built = path(&job.run(&build(root.path(), text)));
                let post = job.finish(&started);
                assert!(post.said().contains("saved as matrix#"), "{}", post.said());
                built
            })
        });
        jobs.map(|job| job.join().unwrap()).into()
    });
    let root = empty();
    job(&server, MAIN, root.path()).start(&repository(), &inputs);
    built.iter().for_each(|path| assert_eq!(requisites(root.path(), path), std::slice::from_ref(path)));
}

#[test]
fn a_fork_s_pull_request_restores_and_its_save_is_a_warning() {
    let server = server();
    let inputs = [("binary", BINARY), ("key", "k")];
    let root = empty();
    let mut first = job(&server, MAIN, root.path());
    let (_, started) = first.start(&repository(), &inputs);
    first.run(&build(root.path(), "one"));
    first.finish(&started);
    let root = empty();
    let mut fork = job(&server, "refs/heads/main:r", root.path());
    let (main, started) = fork.start(&repository(), &inputs);
    assert_eq!(outputs(&main).get("cache-hit"), Some(&"true"), "{}", main.said());
    fork.run(&build(root.path(), "two"));
    let post = fork.finish(&started);
    assert!(
        post.output.status.success() && post.said().contains("::warning::nothing was saved"),
        "{}",
        post.said()
    );
}

#[test]
fn when_to_save_is_the_users_to_say() {
    let server = server();
    let saved = |inputs: &[(&str, &str)], mode: Option<&str>, fails: bool| {
        let root = empty();
        let mut job = job(&server, MAIN, root.path());
        if let Some(mode) = mode {
            job = job.env("ACTIONS_CACHE_MODE", mode);
        }
        let (_, started) = job.start(&repository(), &[&[("binary", BINARY)], inputs].concat());
        job.run(&format!("{}{}", build(root.path(), "one"), if fails { "; exit 1" } else { "" }));
        let post = job.finish(&started);
        assert!(post.output.status.success(), "{}", post.said());
        (post.said().contains("saved as"), post.said())
    };
    assert!(saved(&[("key", "a")], None, true).0);
    for (inputs, mode, fails, why) in [
        (&[("key", "b"), ("save", "on-success")][..], None, true, "the job did not succeed"),
        (&[("key", "c"), ("save", "never")], None, false, "the input save is never"),
        (&[("key", "d")], Some("read"), false, "the job's cache mode is read"),
        (&[("key", "e"), ("lookup-only", "true")], None, false, "it was only looked up"),
    ] {
        let (saved, said) = saved(inputs, mode, fails);
        assert!(!saved && said.contains(&format!("nothing is saved: {why}")), "{said}");
    }
    assert!(saved(&[("key", "b"), ("save", "on-success")], None, false).0);
}

#[test]
fn nothing_is_restored_where_the_job_may_not_read() {
    let (server, root) = (server(), empty());
    for mode in ["none", "write-only"] {
        let mut job = job(&server, MAIN, root.path()).env("ACTIONS_CACHE_MODE", mode);
        let (main, _) = job.start(&repository(), &[("binary", BINARY)]);
        let line = format!("nothing is restored: the job's cache mode is {mode}");
        assert!(main.said().contains(&line) && main.outputs.is_empty(), "{}", main.said());
    }
}

#[test]
fn nothing_that_goes_wrong_fails_the_job_unless_that_was_asked_for() {
    let root = empty();
    let down =
        || Job::new("http://127.0.0.1:1/", "token").env("SNOWBANK_STORE", root.path().display().to_string());
    let none = || Job::new("", "").env("SNOWBANK_STORE", root.path().display().to_string());
    for (mut job, inputs) in [
        (down(), &[("binary", BINARY)][..]),
        (none(), &[("binary", BINARY)]),
        (down(), &[("binary", "/nonexistent")]),
        (down(), &[("binary", BINARY), ("lookup-only", "perhaps")]),
        (down(), &[]),
    ] {
        let (main, started) = job.start(&repository(), inputs);
        assert!(main.output.status.success() && main.said().contains("::warning::"), "{}", main.said());
        let post = job.finish(&started);
        assert!(post.output.status.success(), "{}", post.said());
    }
    let server = server();
    let mut job = job(&server, MAIN, root.path());
    let (main, _) = job.start(&repository(), &[("binary", BINARY), ("fail-on-cache-miss", "true")]);
    assert_eq!(main.output.status.code(), Some(1), "{}", main.said());
}

/// Releases, as a server of files has them: a program that says that it ran.
fn releases(sum: &str) -> String {
    let program = "#!/bin/sh\necho ran \"$1\"\n";
    let sum = if sum.is_empty() { hex::encode(Sha256::digest(program)) } else { sum.to_owned() };
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let asked = asked.split(' ').nth(1).unwrap_or_default();
            let version = concat!("v", env!("CARGO_PKG_VERSION"));
            let known =
                ["v1.2.3", version].map(|tag| format!("/acme/snowbank/releases/download/{tag}/snowbank-"));
            assert!(known.iter().any(|known| asked.starts_with(known)), "{asked}");
            let body =
                if asked.ends_with(".sha256") { format!("{sum}  snowbank\n") } else { program.to_owned() };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    url
}

/// A job whose action is one of those releases.
fn released(url: String) -> Job {
    Job::new("http://127.0.0.1:1/", "token")
        .env("GITHUB_SERVER_URL", url)
        .env("GITHUB_ACTION_REPOSITORY", "acme/snowbank")
        .env("GITHUB_ACTION_REF", "v1.2.3")
}

#[test]
fn a_release_is_taken_when_its_checksum_is_right() {
    let mut right = released(releases(""));
    let (main, started) = right.start(&repository(), &[]);
    assert!(main.said().contains("ran restore"), "{}", main.said());
    assert!(right.finish(&started).said().contains("ran save"));
    // A ref that moves from release to release is at this one.
    let (main, _) = released(releases("")).env("GITHUB_ACTION_REF", "v1").start(&repository(), &[]);
    assert!(main.said().contains("ran restore"), "{}", main.said());
    let (main, _) = released(releases("0000")).start(&repository(), &[]);
    assert!(main.output.status.success() && !main.said().contains("ran"), "{}", main.said());
    assert!(main.said().contains("has the checksum"), "{}", main.said());
}

#[test]
fn a_release_has_the_program_that_is_asked_for_on_each_architecture() {
    let workflow = std::fs::read_to_string(repository().join(".github/workflows/release.yml")).unwrap();
    let folder = empty();
    for architecture in ["x64", "arm64"] {
        let pretend = folder.path().join(architecture).with_extension("cjs");
        let text = format!("Object.defineProperty(process, 'arch', {{ value: '{architecture}' }});");
        std::fs::write(&pretend, text).unwrap();
        let options = format!("--require={}", pretend.display());
        let (main, _) = released(releases("0000")).env("NODE_OPTIONS", options).start(&repository(), &[]);
        let said = main.said();
        let asked = said.split_once("/v1.2.3/").and_then(|(_, rest)| rest.split(' ').next());
        let asked = asked.unwrap_or_else(|| panic!("{said}"));
        assert!(workflow.contains(&format!("asset: {asked},")), "{asked} is not in the release");
    }
}

#[test]
fn what_is_handed_on_is_for_the_job_s_user_alone() {
    let (server, root) = (server(), empty());
    let mut job = job(&server, MAIN, root.path());
    job.start(&repository(), &[("binary", BINARY)]);
    let file = PathBuf::from(job.run("echo $SNOWBANK_SERVICE").said().trim());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}
