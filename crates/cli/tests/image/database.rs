//! Images with Nix's database, and Nix on what they unpack to.

use std::path::Path;

use snowbank_testkit::builds;
use snowbank_testkit::closure::{Closure, nix, requisites, succeed, verify};
use snowbank_testkit::docker_registry::{Access, DockerRegistry};

use crate::kit::{Pulled, closure, count, json, layers, push, pushed, said, snowbank};

/// An OCI layout in this folder.
fn layout(folder: &Path) -> String {
    format!("oci:{}:v1", folder.join("out").display())
}

/// The closure of a path as an image with a database, unpacked.
fn unpacked(root: &Path, top: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = layout(folder.path());
    pushed(root, &["--nix-database", top, &to]);
    Pulled::of(&to).unpack()
}

/// What Nix says of each path of a closure.
fn facts(root: &Path, top: &str) -> Vec<(String, String, String)> {
    let ask = |what: &str, path: &str| succeed(nix("nix-store", root).args(["--query", what, path]));
    let fact = |path: String| (ask("--hash", &path), ask("--references", &path), path);
    requisites(root, top).into_iter().map(fact).collect()
}

#[test]
fn nix_finds_every_path_as_it_was() {
    let made = closure(41);
    let image = unpacked(made.root(), made.top());
    assert_eq!(facts(image.path(), made.top()), facts(made.root(), made.top()));
    verify(image.path()).unwrap();
    let all = succeed(nix("nix", image.path()).args([
        "--extra-experimental-features",
        "nix-command",
        "path-info",
        "--all",
    ]));
    let mut all: Vec<&str> = all.lines().collect();
    all.sort_unstable();
    assert_eq!(all, made.paths());
}

#[test]
fn the_collector_keeps_the_image_and_takes_what_came_later() {
    let made = closure(43);
    let image = unpacked(made.root(), made.top());
    let file = image.path().join("later");
    std::fs::write(&file, "later").unwrap();
    let later = succeed(nix("nix-store", image.path()).arg("--add").arg(&file)).trim().to_owned();
    assert!(image.path().join(&later[1..]).exists());
    succeed(nix("nix-store", image.path()).arg("--gc"));
    assert!(!image.path().join(&later[1..]).exists());
    assert_eq!(requisites(image.path(), made.top()), made.paths());
    verify(image.path()).unwrap();
}

#[test]
fn builds_use_what_is_in_the_image() {
    let Some(project) = builds::project() else { return };
    let built = |root: &Path, change: &str| {
        let mut build = builds::build(project.path(), root, change);
        build.arg("--no-out-link").env("NIX_CONFIG", builds::ALONE).current_dir(project.path());
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let names = builds::built(&String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap().trim().to_owned(), names)
    };
    let store = tempfile::tempdir().unwrap();
    let (program, names) = built(store.path(), "0");
    assert_eq!(names, ["tool", "library", "program"]);
    let image = unpacked(store.path(), &program);
    assert_eq!(built(image.path(), "0"), (program, Vec::new()));
    assert_eq!(built(image.path(), "1").1, ["program"]);
    verify(image.path()).unwrap();
}

#[test]
fn derivations_are_built_in_the_image() {
    let Some(project) = builds::project() else { return };
    let store = tempfile::tempdir().unwrap();
    let mut instantiate = nix("nix-instantiate", store.path());
    instantiate.args(["expression.nix", "--argstr", "change", "0"]).current_dir(project.path());
    let derivation = succeed(&mut instantiate).trim().to_owned();
    let image = unpacked(store.path(), &derivation);
    let query = |root: &Path| succeed(nix("nix-store", root).args(["--query", "--outputs", &derivation]));
    assert_eq!(query(image.path()), query(store.path()));
    let mut build = builds::build(project.path(), image.path(), "0");
    build.arg("--no-out-link").env("NIX_CONFIG", builds::ALONE).current_dir(project.path());
    assert_eq!(succeed(&mut build), query(store.path()));
}

#[test]
fn pushed_again_it_sends_nothing() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(45);
    let to = |tag: &str| format!("{}/a/app:{tag}", registry.host());
    let first = pushed(made.root(), &["--nix-database", made.top(), &to("v1")]);
    let second = pushed(made.root(), &["--nix-database", made.top(), &to("v1")]);
    assert_eq!((&second["digest"], &second["sent"]), (&first["digest"], &0.into()), "{second}");
    assert_eq!(count(&second, "exists"), layers(&first).len());
    let plain = pushed(made.root(), &[made.top(), &to("v2")]);
    assert_eq!(layers(&plain).len() + 1, layers(&first).len());
    assert_eq!(count(&plain, "exists"), layers(&plain).len(), "the others are the same: {plain}");
}

#[test]
fn it_is_the_same_from_a_machine_without_a_store() {
    let (folder, home, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), closure(47));
    let remote = folder.path().join("remote").display().to_string();
    let save = ["save", "--json", "--key", "k", "--remote", &remote, made.top()];
    json(&snowbank(made.root(), home.path(), &save).output().unwrap());
    let to = |name: &str| layout(&folder.path().join(name));
    let here = pushed(made.root(), &["--nix-database", made.top(), &to("here")]);
    let from = ["--from", "k", "--remote", &remote, "--no-records"];
    let there = pushed(home.path(), &[&from[..], &["--nix-database", made.top(), &to("there")]].concat());
    assert_eq!(here["digest"], there["digest"]);
}

#[test]
fn it_is_told_of_by_name_and_not_as_a_package() {
    let made = closure(49);
    let folder = tempfile::tempdir().unwrap();
    let (plain, with) = (layout(&folder.path().join("plain")), layout(&folder.path().join("with")));
    pushed(made.root(), &[made.top(), &plain]);
    pushed(made.root(), &["--nix-database", made.top(), &with]);
    let image = |arguments: &[&str]| {
        let arguments = [&["image"], arguments].concat();
        json(&snowbank(made.root(), folder.path(), &arguments).output().unwrap())
    };
    let told = image(&["inspect", "--json", &with]);
    let last = told["layers"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["name"], &last["paths"]), (&"nix database".into(), &serde_json::json!([])));
    let told = image(&["diff", "--json", &plain, &with]);
    assert_eq!(told["added"].as_array().unwrap().len(), 1, "{told}");
    let paths = serde_json::json!({"added": [], "removed": [], "updated": [], "unknownLayers": 0});
    assert_eq!(told["paths"], paths, "{told}");
}

#[test]
fn it_takes_one_of_the_layers() {
    let made: Closure = closure(51);
    let folder = tempfile::tempdir().unwrap();
    let told =
        pushed(made.root(), &["--nix-database", "--max-layers", "2", made.top(), &layout(folder.path())]);
    assert_eq!(layers(&told).len(), 2, "{told}");
    let output =
        push(made.root(), &["--nix-database", "--max-layers", "1", made.top(), &layout(folder.path())]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("at least 2"), "{}", said(&output));
    // As do volumes that are somebody's.
    let both = ["--nix-database", "--volume", "/data", "--user", "1000", "--max-layers"];
    let to = layout(folder.path());
    let most = |count| [&both[..], &[count, made.top(), &to]].concat();
    assert_eq!(layers(&pushed(made.root(), &most("3"))).len(), 3);
    let output = push(made.root(), &most("2"));
    assert!(said(&output).contains("at least 3"), "{}", said(&output));
}
