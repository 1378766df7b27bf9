//! A workflow's steps, run in the order of the file by a runner that does as GitHub's does.

use std::collections::BTreeMap;

use serde_json::Value;
use snowbank_testkit::runner::{Job, Started, Step};
use snowbank_testkit::tools::repository;

use crate::kit::BINARY;
use crate::yaml::{filled, scalar, steps};

/// Actions that need the network and do nothing that matters here.
const ELSEWHERE: [&str; 3] = ["actions/checkout@", "actions/cache@", "NixOS/nix-installer-action@"];

/// A job, and what its workflow is told.
pub(crate) struct Run<'a> {
    job: Job,
    /// What an expression comes to, but for outputs of our action.
    known: &'a dyn Fn(&str) -> Option<String>,
    /// Hosts of the example, and those of the test.
    hosts: &'a [(&'a str, &'a str)],
    outputs: BTreeMap<String, String>,
    ours: Option<Started>,
    said: String,
}

impl<'a> Run<'a> {
    /// A workflow that has not begun.
    pub(crate) fn new(
        job: Job,
        known: &'a dyn Fn(&str) -> Option<String>,
        hosts: &'a [(&'a str, &'a str)],
    ) -> Self {
        Self { job, known, hosts, outputs: BTreeMap::new(), ours: None, said: String::new() }
    }

    /// Runs all steps and the action's post step, each of which succeeds. All that they say.
    pub(crate) fn finish(mut self, workflow: &Value) -> String {
        for (name, value) in self.variables(&workflow["env"]) {
            self.job = self.job.env(&name, value);
        }
        steps(workflow).iter().for_each(|step| self.step(step));
        let post = self.job.finish(&self.ours.take().unwrap());
        self.keep(&post);
        self.said
    }

    fn value(&self, expression: &str) -> Option<String> {
        match expression.strip_prefix("steps.snowbank.outputs.") {
            // Outputs that are not set are empty.
            Some(name) => Some(self.outputs.get(name).cloned().unwrap_or_default()),
            None => (self.known)(expression),
        }
    }

    fn variables(&self, of: &Value) -> Vec<(String, String)> {
        let here = |text: String| self.hosts.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let of = of.as_object().into_iter().flatten();
        of.map(|(name, value)| (name.clone(), here(filled(&scalar(value), |known| self.value(known)))))
            .collect()
    }

    fn step(&mut self, step: &Value) {
        match step["uses"].as_str() {
            Some(action) if ELSEWHERE.iter().any(|known| action.starts_with(known)) => {}
            Some(action) if action.ends_with("OWNER/snowbank@v1") => {
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
