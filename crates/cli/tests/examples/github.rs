//! GitHub's workflow: its steps run in the order of the file, by a runner that does as GitHub's does.

use std::collections::BTreeMap;

use serde_json::Value;
use snowbank_testkit::docker_registry::{Access, DockerRegistry};
use snowbank_testkit::runner::{Job, Started, Step};
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::tools::repository;

use crate::kit::{BINARY, MAIN, Machine, REPO, closure};
use crate::yaml::{filled, read, scalar, steps};

/// Actions that need the network and do nothing that matters here.
const ELSEWHERE: [&str; 2] = ["actions/checkout@", "NixOS/nix-installer-action@"];

/// A workflow while its job runs.
struct Run {
    job: Job,
    host: String,
    outputs: BTreeMap<String, String>,
    ours: Option<Started>,
    said: String,
}

impl Run {
    fn known(&self, expression: &str) -> Option<String> {
        match expression {
            "github.repository_owner" => Some("acme".to_owned()),
            "secrets.GITHUB_TOKEN" => Some("none".to_owned()),
            // Outputs that are not set are empty.
            _ => {
                let name = expression.strip_prefix("steps.snowbank.outputs.")?;
                Some(self.outputs.get(name).cloned().unwrap_or_default())
            }
        }
    }

    fn variables(&self, env: &Value) -> Vec<(String, String)> {
        let env = env.as_object().into_iter().flatten();
        let here = |text: String| text.replace("ghcr.io", &self.host);
        env.map(|(name, value)| (name.clone(), here(filled(&scalar(value), |known| self.known(known)))))
            .collect()
    }

    fn step(&mut self, step: &Value) {
        match step["uses"].as_str() {
            Some(action) if ELSEWHERE.iter().any(|known| action.starts_with(known)) => {}
            Some("OWNER/snowbank@v1") => {
                let inputs = self.variables(&step["with"]);
                let mut inputs: Vec<_> = inputs.iter().map(|(name, value)| (&**name, &**value)).collect();
                inputs.push(("binary", BINARY));
                let (main, started) = self.job.start(&repository(), &inputs);
                self.keep(&main);
                self.outputs = main.outputs;
                self.ours = Some(started);
            }
            Some(other) => panic!("{other} is not prepared"),
            None => {
                let export = |(name, value)| format!("export {name}='{value}'\n");
                let script: String = self.variables(&step["env"]).into_iter().map(export).collect();
                let step = self.job.run(&(script + step["run"].as_str().unwrap()));
                self.keep(&step);
            }
        }
    }

    fn keep(&mut self, step: &Step) {
        assert!(step.output.status.success(), "{}", step.said());
        self.said += &step.said();
    }
}

/// All that the job says, with its post step.
fn run(workflow: &Value, server: &Snowbank, registry: &DockerRegistry, machine: &Machine) -> String {
    let job = Job::new(server.url(), &server.token(REPO, &[MAIN]))
        .env("SNOWBANK_STORE", machine.store().display().to_string())
        .env("PATH", machine.path());
    let host = registry.host().to_owned();
    let mut run = Run { job, host, outputs: BTreeMap::new(), ours: None, said: String::new() };
    for (name, value) in run.variables(&workflow["env"]) {
        run.job = run.job.env(&name, value);
    }
    steps(workflow).iter().for_each(|step| run.step(step));
    let post = run.job.finish(&run.ours.take().unwrap());
    run.keep(&post);
    run.said
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
