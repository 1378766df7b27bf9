//! Images of store paths.

use snowbank_testkit::docker_registry::{Access, DockerRegistry};

use crate::kit::{Pulled, closure, count, json, layers, names, push, pushed, said, snowbank};

#[test]
fn skopeo_pulls_the_closure_and_what_it_runs() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(1);
    let image = format!("{}/a/app:v1", registry.host());
    let run = format!("{}/bin/run", made.top());
    let config =
        ["--entrypoint", &run, "--cmd", "-v", "--env", "A=b c", "--expose", "8188", "--label", "x=y"];
    pushed(made.root(), &[&config[..], &[made.top(), &image]].concat());
    let pulled = Pulled::of(&format!("docker://{image}"));
    assert_eq!(pulled.names(), names(&made));
    assert_eq!(pulled.kinds(), ["application/vnd.oci.image.layer.v1.tar+zstd".to_owned()].into());
    let config = &pulled.config()["config"];
    assert_eq!(config["Entrypoint"], serde_json::json!([run]));
    assert_eq!(config["Cmd"], serde_json::json!(["-v"]));
    assert_eq!(config["Env"], serde_json::json!(["A=b c"]));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"8188/tcp": {}}));
    assert_eq!(config["Labels"]["x"], "y");
}

#[test]
fn skopeo_reads_layouts_and_archives() {
    let made = closure(3);
    let folder = tempfile::tempdir().unwrap();
    for to in ["oci:out:v1", "docker-archive:image.tar"] {
        let (kind, rest) = to.split_once(':').unwrap();
        let to = format!("{kind}:{}/{rest}", folder.path().display());
        pushed(made.root(), &[made.top(), &to]);
        assert_eq!(Pulled::of(&to).names(), names(&made), "{to}");
    }
}

#[test]
fn compression_is_that_of_the_tag() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(5);
    for (asked, kind) in [("gzip", "+gzip"), ("none", "")] {
        let image = format!("{}/a/{asked}:v1", registry.host());
        pushed(made.root(), &["--compression", asked, made.top(), &image]);
        let again = closure(7);
        pushed(again.root(), &[again.top(), &image]);
        let wanted = format!("application/vnd.oci.image.layer.v1.tar{kind}");
        assert_eq!(Pulled::of(&format!("docker://{image}")).kinds(), [wanted].into());
    }
}

#[test]
fn a_large_path_is_split_and_comes_together() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(9);
    let image = format!("{}/a/app:v1", registry.host());
    let told = pushed(made.root(), &["--max-layer-size", "1MB", made.top(), &image]);
    assert!(layers(&told).len() > made.paths().len(), "{told}");
    assert_eq!(Pulled::of(&format!("docker://{image}")).names(), names(&made));
}

#[test]
fn layers_are_few_and_named_as_asked() {
    let made = closure(11);
    let folder = tempfile::tempdir().unwrap();
    let to = format!("oci:{}:v1", folder.path().join("out").display());
    let groups = ["--max-layers", "2", "--layer", "mine=tree-11", "--layer", "none=trie-*", made.top(), &to];
    let output = push(made.root(), &groups);
    let told = json(&output);
    assert!(said(&output).contains("--layer none matches no path"), "{}", said(&output));
    assert_eq!(layers(&told).len(), 2, "{told}");
    assert!(layers(&told).iter().any(|layer| layer["name"].as_str().unwrap().contains("mine")), "{told}");
    assert_eq!(Pulled::of(&to).names(), names(&made));
}

#[test]
fn a_dry_run_sends_nothing() {
    let registry = DockerRegistry::start(Access::Open);
    let made = closure(13);
    let told = pushed(made.root(), &["--dry-run", made.top(), &format!("{}/a/app", registry.host())]);
    assert_eq!((told["sent"].as_u64(), count(&told, "missing")), (Some(0), layers(&told).len()), "{told}");
    assert_eq!((registry.count("POST"), registry.count("PUT")), (0, 0));
}

#[test]
fn the_page_of_the_job_gets_a_table() {
    let made = closure(15);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    // As the runner does.
    std::fs::write(&page, "").unwrap();
    let to = format!("oci:{}:v1", folder.path().join("out").display());
    let mut command = snowbank(made.root(), folder.path(), &["image", "push", "--json", made.top(), &to]);
    json(&command.env("GITHUB_STEP_SUMMARY", &page).env("GITHUB_ACTIONS", "true").output().unwrap());
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("### Image") && text.contains("| layer |"), "{text}");
}
