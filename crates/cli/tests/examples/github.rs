//! GitHub's workflow: the image is built and pushed once, and then found again.

use serde_json::Value;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::runner::Job;
use snowbank_testkit::snowbank::Snowbank;

use crate::kit::{BINARY, MAIN, Machine, REPO, closure};
use crate::workflow::Run;
use crate::yaml::read;

/// All that the job says, on a machine of its own.
fn run(workflow: &Value, server: &Snowbank, registry: &DockerRegistry, machine: &Machine) -> String {
    let job = Job::new(server.url(), &server.token(REPO, &[MAIN]))
        .env("SNOWBANK_STORE", machine.store().display().to_string())
        .env("PATH", machine.path());
    let known = |expression: &str| match expression {
        "github.repository_owner" => Some("acme".to_owned()),
        "secrets.GITHUB_TOKEN" => Some("none".to_owned()),
        _ => None,
    };
    Run::new(job, &known, &[("ghcr.io", registry.host())]).finish(workflow)
}

#[test]
fn the_workflow_builds_and_pushes_once_and_then_finds_all_again() {
    let (workflow, made) = (read("github/comfyui.yml"), closure(1));
    let server = Snowbank::builder(BINARY).start();
    let registry = DockerRegistry::start(Access::Open);
    let said = run(&workflow, &server, &registry, &Machine::that_builds(&made));
    for words in ["nothing was found: all is built", "\nbuilt\n", "saved as nix-linux-"] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
    }
    let sent = registry.count("POST");
    assert!(sent > 0, "{said}");
    let machine = Machine::that_builds(&made);
    let said = run(&workflow, &server, &registry, &machine);
    for words in ["restored nix-linux-", "nothing to build"] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
    }
    assert!(machine.has(&made));
    assert_eq!(registry.count("POST"), sent, "a layer was sent again:\n{said}");
}
