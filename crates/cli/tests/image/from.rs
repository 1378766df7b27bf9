//! Images of paths that are in a binary cache or a snapshot, and not on this machine.

use std::path::Path;

use bytes::Bytes;
use serde_json::Value;
use snowbank_testkit::closure::Closure;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::registry::{Modes, StandIn};
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

use crate::kit::{Pulled, closure, count, json, layers, names, said, snowbank};

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Pushed three times from elsewhere with an empty store, under two tags.
fn push_from(made: &Closure, token: &str, from: &[&str]) {
    let registry = DockerRegistry::start(Access::Open);
    let (store, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let push = |tag: &str| {
        let to = format!("{}/a/app:{tag}", registry.host());
        let arguments = [&["image", "push", "--json"], from, &[made.top(), &to]].concat();
        json(&snowbank(store.path(), home.path(), &arguments).env("SNOWBANK_TOKEN", token).output().unwrap())
    };
    let first = push("v1");
    assert_eq!(count(&first, "uploaded"), layers(&first).len(), "{first}");
    let pulled = Pulled::of(&format!("docker://{}/a/app:v1", registry.host()));
    assert_eq!(pulled.names(), names(made));
    let second = push("v2");
    assert_eq!(count(&second, "exists"), layers(&second).len(), "{second}");
    assert_eq!((entries(store.path()), entries(home.path())), (0, 0), "written to the disk");
    // The tag, the layers, the config and the manifest.
    let requests = second["requests"].as_u64().unwrap();
    assert!(requests <= layers(&second).len() as u64 + 3, "{second}");
    let third = push("v2");
    assert_eq!((&third["requests"], &third["sent"]), (&1.into(), &0.into()), "{third}");
}

#[test]
fn a_cache_has_the_paths_and_what_is_known_of_layers() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snowbank.toml");
    std::fs::write(&config, "[caches.team]\nowner = 'acme'\n").unwrap();
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank"));
    let server = server.arg("--config").arg(config.display().to_string()).start();
    let token = server.run(&["token", "create", "--cache", "team:pull,push"]).trim().to_owned();
    let (url, made) = (format!("{}/nix/team", server.url()), closure(31));
    let mut fill = snowbank(made.root(), folder.path(), &["push", "--json", "--to", &url, made.top()]);
    json(&fill.env("SNOWBANK_TOKEN", &token).output().unwrap());
    push_from(&made, &token, &["--from", &url, "--no-check-sigs"]);
}

#[test]
fn who_may_only_read_leaves_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snowbank.toml");
    std::fs::write(&config, "[caches.team]\nowner = 'acme'\n").unwrap();
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank"));
    let server = server.arg("--config").arg(config.display().to_string()).start();
    let token = |rights: &str| server.run(&["token", "create", "--cache", rights]).trim().to_owned();
    let (url, made) = (format!("{}/nix/team", server.url()), closure(35));
    let mut fill = snowbank(made.root(), folder.path(), &["push", "--json", "--to", &url, made.top()]);
    json(&fill.env("SNOWBANK_TOKEN", token("team:pull,push")).output().unwrap());
    let (store, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let push = |number: usize| {
        let to = format!("oci:{}:v1", home.path().join(number.to_string()).display());
        let arguments = ["image", "push", "--json", "--from", &url, "--no-check-sigs", made.top(), &to];
        let mut command = snowbank(store.path(), home.path(), &arguments);
        command.env("SNOWBANK_TOKEN", token("team:pull")).output().unwrap()
    };
    for number in 0..2 {
        let output = push(number);
        assert_eq!(count(&json(&output), "uploaded"), layers(&json(&output)).len());
        assert!(said(&output).contains("could not be kept"), "{}", said(&output));
    }
}

#[test]
fn what_a_pull_request_says_of_layers_the_default_branch_does_not_hear() {
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).start();
    let (registry, made) = (StandIn::start(Modes::default()), closure(37));
    let to = format!("{}/a/app:v1", registry.host());
    let home = tempfile::tempdir().unwrap();
    let exist = |scopes: &[&str]| {
        // The registry tells nothing of the blobs that it has, so what is known of them was recorded beside the snapshots.
        registry.remove_manifests("a/app");
        let arguments = ["image", "push", "--json", "--remote", server.url(), made.top(), &to];
        let mut command = snowbank(made.root(), home.path(), &arguments);
        let told = json(&command.env("SNOWBANK_TOKEN", server.token("acme/app", scopes)).output().unwrap());
        (count(&told, "exists"), layers(&told).len())
    };
    let (pull, main) = ("refs/pull/7/merge:rw", "refs/heads/main");
    let (reads, writes) = (format!("{main}:r"), format!("{main}:rw"));
    let (none, all) = exist(&[pull, &reads]);
    assert_eq!(none, 0);
    assert_eq!(exist(&[&writes]), (0, all), "main believed a pull request");
    assert_eq!(exist(&[&writes]), (all, all));
    assert_eq!(exist(&["refs/pull/8/merge:rw", &reads]), (all, all), "a pull request reads what main says");
}

#[test]
fn a_snapshot_has_them_too() {
    let (folder, home, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), closure(33));
    let remote = folder.path().to_str().unwrap();
    let save = ["save", "--json", "--key", "k", "--remote", remote, made.top()];
    json(&snowbank(made.root(), home.path(), &save).output().unwrap());
    push_from(&made, "", &["--from", "k", "--remote", remote]);
}

/// Pushes that a server was told of, the latest first.
fn told_of(server: &Snowbank) -> Vec<Value> {
    let admin = server.run(&["token", "create", "--admin"]).trim().to_owned();
    let client = WireClient::new(server.url(), &admin);
    let asked = async {
        let get = "GET".parse().unwrap();
        client.request(get, "/api/v1/image-pushes", &[], Bytes::new()).await.json::<Value>().await.unwrap()
    };
    let answer = tokio::runtime::Runtime::new().unwrap().block_on(asked);
    answer["image_pushes"].as_array().unwrap().clone()
}

#[test]
fn a_server_is_told_what_a_push_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("snowbank.toml");
    std::fs::write(&config, "[caches.team]\nowner = 'acme'\n").unwrap();
    let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank"));
    let server = server.arg("--config").arg(config.display().to_string()).start();
    let (registry, made) = (DockerRegistry::start(Access::Open), closure(35));
    let to = format!("{}/a/app:v1", registry.host());
    let push = |token: &str, arguments: &[&str]| {
        let arguments = [&["image", "push", "--json"], arguments, &[made.top(), &to]].concat();
        let mut push = snowbank(made.root(), folder.path(), &arguments);
        json(&push.env("SNOWBANK_TOKEN", token).output().unwrap())
    };
    let job = server.token("acme/app", &["refs/heads/main:rw"]);
    let first = push(&job, &["--remote", server.url()]);
    let told = told_of(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["repository"], &told[0]["tag"]), (&"acme/app".into(), &"v1".into()));
    assert_eq!((&told[0]["digest"], &told[0]["layers_reused"]), (&first["digest"], &0.into()));
    assert_eq!(told[0]["layers_sent"], count(&first, "uploaded"));
    assert!(told[0]["bytes_sent"].as_u64().unwrap() > 0 && told[0]["bytes_sent"] == told[0]["bytes_total"]);

    let team = server.run(&["token", "create", "--cache", "team:pull,push"]).trim().to_owned();
    let cache = format!("{}/nix/team", server.url().trim_end_matches('/'));
    push(&team, &["--records", &cache]);
    let told = told_of(&server);
    assert_eq!((&told[0]["cache"], &told[0]["layers_sent"]), (&"team".into(), &0.into()), "{told:?}");
    push(&team, &["--records", &cache, "--dry-run"]);
    assert_eq!(told_of(&server).len(), 2);
}
