//! Jobs of other kinds than one that runs to its end as root.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use snowbank_testkit::closure::{requisites, verify};
use snowbank_testkit::nix_daemon::NixDaemon;
use snowbank_testkit::runner::{Job, Step};
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::tools::repository;
use tempfile::TempDir;

use crate::kit::{MAIN, REPO, empty, is_root};

const BINARY: &str = env!("CARGO_BIN_EXE_snowbank");
const INPUTS: [(&str, &str); 2] = [("binary", BINARY), ("key", "k")];

fn server() -> Snowbank {
    Snowbank::builder(BINARY).start()
}

fn job(server: &Snowbank, scopes: &[&str], root: &Path) -> Job {
    let token = server.token(REPO, scopes);
    Job::new(server.url(), &token).env("SNOWBANK_STORE", root.display().to_string())
}

/// A step that adds a file to the store.
fn build(root: &Path, text: &str) -> String {
    let store = root.display();
    format!("echo {text} > {text}; NIX_CONF_DIR=/nonexistent nix-store --store {store} --add $PWD/{text}")
}

/// The store path that a step has printed.
fn path(step: &Step) -> String {
    let said = step.said();
    said.lines().find(|line| line.starts_with("/nix/store/")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn matched(step: &Step) -> Option<&str> {
    step.outputs.get("cache-matched-key").map(String::as_str)
}

#[test]
fn what_a_pull_request_saves_stays_its_own_when_it_is_merged() {
    let server = server();
    let request = ["refs/pull/1/merge:rw", "refs/heads/main:r"];
    let run = |scopes: &[&str], reference: &str, text: &str| {
        let root = empty();
        let mut job = job(&server, scopes, root.path()).env("GITHUB_REF", reference);
        let (main, started) = job.start(&repository(), &INPUTS);
        let built = path(&job.run(&build(root.path(), text)));
        let post = job.finish(&started);
        assert!(post.output.status.success(), "{}", post.said());
        verify(root.path()).unwrap();
        (matched(&main).map(str::to_owned), post.said(), built)
    };
    let (found, said, _) = run(&[MAIN], "refs/heads/main", "one");
    assert!(found.is_none() && said.contains("saved as k#1"), "{said}");
    // The base's generation is what a pull request begins with, and its own what it goes on with.
    let (found, said, _) = run(&request, "refs/pull/1/merge", "two");
    assert!(found.as_deref() == Some("k#1") && said.contains("saved as k#2"), "{said}");
    let (found, said, _) = run(&request, "refs/pull/1/merge", "two");
    assert!(found.as_deref() == Some("k#2") && said.contains("nothing new"), "{said}");
    let (found, said, _) = run(&["refs/pull/2/merge:rw", "refs/heads/main:r"], "refs/pull/2/merge", "one");
    assert!(found.as_deref() == Some("k#1") && said.contains("nothing new"), "{said}");
    // The merge builds on the base's, and saves for everybody.
    let (found, said, two) = run(&[MAIN], "refs/heads/main", "two");
    assert!(found.as_deref() == Some("k#1") && said.contains("saved as k#2"), "{said}");
    let root = empty();
    let (main, _) = job(&server, &[MAIN], root.path()).start(&repository(), &INPUTS);
    assert_eq!(matched(&main), Some("k#2"));
    assert_eq!(requisites(root.path(), &two), [two]);
}

#[test]
fn a_job_that_is_cancelled_while_it_builds_saves_what_it_has_built() {
    let server = server();
    let root = empty();
    let mut first = job(&server, &[MAIN], root.path());
    let (_, started) = first.start(&repository(), &INPUTS);
    let built = path(&first.run(&build(root.path(), "one")));
    first.run("kill -INT $$");
    first.cancel();
    let post = first.finish(&started);
    assert!(post.said().contains("saved as k#1"), "{}", post.said());
    let root = empty();
    job(&server, &[MAIN], root.path()).start(&repository(), &INPUTS);
    assert_eq!(requisites(root.path(), &built), [built]);
}

#[test]
fn a_job_that_is_cancelled_while_it_restores_ends_at_once() {
    // A service that takes calls and never answers.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let root = empty();
    let mut job = Job::new(&url, "token").env("SNOWBANK_STORE", root.path().display().to_string());
    let mut kept = None;
    let (main, started) =
        job.start_and_cancel(&repository(), &INPUTS, || kept = Some(listener.accept().unwrap()));
    assert!(main.said().contains("::warning::the Nix store is not restored"), "{}", main.said());
    drop((kept, listener));
    let post = job.finish(&started);
    assert!(post.output.status.success() && post.said().contains("::warning::"), "{}", post.said());
}

const NOBODY: u32 = 65534;

/// The action, the program and a Nix configuration, where everybody can read them.
fn public() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::copy(BINARY, folder.path().join("snowbank")).unwrap();
    std::fs::copy(repository().join("action.yml"), folder.path().join("action.yml")).unwrap();
    std::fs::create_dir(folder.path().join("action")).unwrap();
    for file in std::fs::read_dir(repository().join("action")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join("action").join(file.file_name())).unwrap();
    }
    std::fs::write(folder.path().join("nix.conf"), "trusted-users = nobody\nsubstituters =\n").unwrap();
    folder
}

#[test]
fn a_user_who_is_not_root_has_a_store_of_several_users() {
    if !is_root() {
        eprintln!("only root may become another user: not tried");
        return;
    }
    let (server, public) = (server(), public());
    let binary = public.path().join("snowbank").display().to_string();
    let mut built = None;
    for mode in ["auto", "eager", "lazy"] {
        let root = empty();
        let _daemon = NixDaemon::before(root.path(), "nobody");
        let socket = root.path().join("nix/var/nix/daemon-socket/socket").display().to_string();
        let mut job = job(&server, &[MAIN], root.path())
            .env("NIX_CONF_DIR", public.path().display().to_string())
            .env("NIX_REMOTE", format!("unix://{socket}"))
            .of_user(NOBODY);
        let inputs = [("binary", &*binary), ("key", "k"), ("mode", mode)];
        let (main, started) = job.start(public.path(), &inputs);
        assert_eq!(matched(&main), built.is_some().then_some("k#1"), "{}", main.said());
        match &built {
            None => built = Some(path(&job.run("echo one > one; nix-store --add $PWD/one"))),
            Some(built) => {
                let there = is_there(root.path(), built);
                assert_eq!(there, mode == "eager", "{}", main.said());
                let masked = main.said().contains("::add-mask::http://127.0.0.1:");
                assert_eq!(masked, mode == "lazy", "{}", main.said());
                let realised = job.run(&format!("nix-store --realise {built}"));
                assert!(realised.output.status.success(), "{}", realised.said());
                assert_eq!(realised.said().contains("copying path"), mode == "lazy", "{}", realised.said());
            }
        }
        let post = job.finish(&started);
        assert!(post.output.status.success() && !post.said().contains("warning"), "{}", post.said());
        verify(root.path()).unwrap();
    }
}

/// Whether a path is in a store.
fn is_there(root: &Path, path: &str) -> bool {
    root.join(&path[1..]).exists()
}
