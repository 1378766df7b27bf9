//! GitLab's job, its script run as GitLab's runner runs it, against a server with the example's settings.

use std::process::{Command, Output};

use serde_json::{Value, json};
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::snowbank::{Builder, Snowbank};

use crate::forge::Forge;
use crate::kit::{BINARY, Machine, closure};
use crate::yaml::{fields, read, scalar, text};

/// Where the example's server is.
const SERVER: &str = "https://cache.example.org";

/// The job, its form checked, and the variables of all jobs.
fn job() -> (Value, Value) {
    let file = read("gitlab/.gitlab-ci.yml");
    fields(&file, &["variables", "build"]).for_each(drop);
    let job = file["build"].clone();
    fields(&job, &["image", "id_tokens", "before_script", "script"]).for_each(drop);
    (job, file["variables"].clone())
}

/// Its lines, one script.
fn script(job: &Value) -> String {
    let lines = ["before_script", "script"].into_iter().flat_map(|part| job[part].as_array().unwrap());
    lines
        .map(|line| line.as_str().unwrap_or_else(|| panic!("{line} is no command")).to_owned() + "\n")
        .collect()
}

/// The example's server, which believes this forge in the place of GitLab.
pub(crate) fn server(forge: &Forge, folder: &std::path::Path) -> Builder {
    let settings = text("server/snowbank.toml")
        .replace("https://gitlab.com", &forge.url)
        // Clients of the test reach it by its own address.
        .replace(&format!("public_url = \"{SERVER}/\""), "");
    let file = folder.join("snowbank.toml");
    std::fs::write(&file, settings).unwrap();
    Snowbank::builder(BINARY).arg("--config").arg(file.display().to_string())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_job_pushes_to_the_cache_and_its_image_to_the_registry() {
    let (made, folder, forge) = (closure(11), tempfile::tempdir().unwrap(), Forge::start());
    let server = server(&forge, folder.path()).start();
    let registry = DockerRegistry::start(Access::Basic);
    let machine = Machine::that_builds(&made);
    machine.program(
        "curl",
        &format!(
            "#!/bin/sh\nset -e\n[ \"$1 $2\" = '-sSfL -O' ]\ncp {BINARY} \"${{3##*/}}\"\n\
             sha256sum \"${{3##*/}}\" >\"${{5##*/}}\"\n"
        ),
    );
    let (job, variables) = job();
    let audience = job["id_tokens"]["SNOWBANK_ID_TOKEN"]["aud"].as_str().unwrap();
    let claims = json!({
        "sub": "project_path:acme/app:ref_type:branch:ref:main", "project_path": "acme/app", "namespace_path": "acme", "ref": "main", "ref_type": "branch", "ref_protected": "true",
        "pipeline_source": "push",
    });
    let mut command = Command::new("bash");
    command.args(["-eo", "pipefail", "-c", &script(&job)]).current_dir(folder.path()).env_clear();
    for (name, value) in variables.as_object().unwrap() {
        command.env(name, scalar(value).replace(SERVER, server.url()));
    }
    command
        .env("SNOWBANK_ID_TOKEN", forge.token(audience, &claims))
        .env("PATH", machine.path())
        .env("HOME", folder.path())
        .env("SNOWBANK_STORE", machine.store())
        .env("CI_COMMIT_REF_SLUG", "main")
        .env("CI_COMMIT_BRANCH", "main")
        .env("CI_DEFAULT_BRANCH", "main")
        .env("CI_REGISTRY_USER", DockerRegistry::USER)
        .env("CI_REGISTRY_PASSWORD", DockerRegistry::SECRET)
        .env("CI_REGISTRY_IMAGE", format!("{}/acme/app", registry.host()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("pushed 3 paths"), "{}", said(&output));
    assert!(registry.count("PUT") > 0, "{}", said(&output));
    let settings = std::fs::read_to_string(folder.path().join(".snowbank/nix.conf")).unwrap();
    assert!(settings.contains(&format!("extra-substituters = {}/nix/team", server.url())), "{settings}");

    let token = server.run(&["token", "create", "--cache", "team:pull"]);
    let other = Machine::that_builds(&made);
    let mut pull = Command::new(BINARY);
    pull.args(["pull", "--min-free", "1MB", "--no-check-sigs", "--from"])
        .arg(format!("{}/nix/team", server.url()));
    pull.arg(made.top()).env("SNOWBANK_STORE", other.store()).env("SNOWBANK_TOKEN", token.trim());
    let output = pull.output().unwrap();
    assert!(output.status.success() && other.has(&made), "{}", said(&output));
}
