//! A small runner: executes an action's main and post step as GitHub's runner does, with real files for what a step tells
//! it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::tools;

/// A job on a machine of its own: steps one after the other.
#[derive(Debug)]
pub struct Job {
    folder: TempDir,
    /// What every step finds in its environment.
    environment: BTreeMap<String, String>,
    /// What only actions find there.
    for_actions: BTreeMap<String, String>,
    status: &'static str,
}

/// An action that was started, until its post step has run.
#[derive(Debug)]
pub struct Started {
    action: PathBuf,
    inputs: BTreeMap<String, String>,
    state: BTreeMap<String, String>,
}

/// What a step did.
#[derive(Debug)]
pub struct Step {
    /// Its exit code and what it printed.
    pub output: Output,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// What it added to the job's page.
    pub summary: String,
}

impl Step {
    /// All that it printed.
    #[must_use]
    pub fn said(&self) -> String {
        [&self.output.stdout, &self.output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
    }
}

impl Job {
    /// A job whose actions find the cache service at `url`, with a token for it.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["temp", "tools", "workspace", "home"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        let place = |name: &str| folder.path().join(name).display().to_string();
        let environment = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_WORKFLOW", "build and test".to_owned()),
            ("GITHUB_REF", "refs/heads/main".to_owned()),
            ("GITHUB_WORKSPACE", place("workspace")),
            ("RUNNER_TEMP", place("temp")),
            ("RUNNER_TOOL_CACHE", place("tools")),
            ("HOME", place("home")),
        ];
        let for_actions = [
            ("ACTIONS_RESULTS_URL", url.to_owned()),
            ("ACTIONS_RUNTIME_TOKEN", token.to_owned()),
            ("ACTIONS_CACHE_SERVICE_V2", "true".to_owned()),
        ];
        let named = |all: &[(&str, String)]| {
            all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        Self { environment: named(&environment), for_actions: named(&for_actions), folder, status: "success" }
    }

    /// Sets a variable of the whole job.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// The folder that steps run in.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Has the job failed from here on.
    pub fn fail(&mut self) {
        self.status = "failure";
    }

    /// A `run:` step: a shell script. It knows nothing of what only actions are told.
    ///
    /// # Panics
    /// When no shell can be started.
    pub fn run(&mut self, script: &str) -> Step {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]);
        self.step(command, BTreeMap::new()).0
    }

    /// The main step of the action in a folder.
    ///
    /// # Panics
    /// When its `action.yml` cannot be read, or Node is not there and cannot be installed.
    pub fn start(&mut self, action: &Path, inputs: &[(&str, &str)]) -> (Step, Started) {
        tools::ensure("npm");
        let described = fs::read_to_string(action.join("action.yml")).expect("the action has a description");
        let mut given: BTreeMap<_, _> = defaults(&described).collect();
        given.extend(inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut started = Started { action: action.to_owned(), inputs: given, state: BTreeMap::new() };
        let (step, state) = self.action(&started, "main");
        started.state = state;
        (step, started)
    }

    /// Its post step.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    pub fn finish(&mut self, started: &Started) -> Step {
        self.action(started, "post").0
    }

    fn action(&mut self, started: &Started, stage: &str) -> (Step, BTreeMap<String, String>) {
        let described =
            fs::read_to_string(started.action.join("action.yml")).expect("the action has a description");
        let script = value(&described, &format!("  {stage}: ")).expect("the action has such a step");
        let mut command = tools::command("node");
        command.arg(started.action.join(script));
        let mut told = self.for_actions.clone();
        for (name, text) in &started.inputs {
            let text = text.replace("${{ job.status }}", self.status);
            told.insert(format!("INPUT_{}", name.to_uppercase()), text);
        }
        told.extend(started.state.iter().map(|(name, text)| (format!("STATE_{name}"), text.clone())));
        self.step(command, told)
    }

    /// Runs a step that is told this beside what all of the job's are; gives back its state, too.
    fn step(
        &mut self,
        mut command: Command,
        told: BTreeMap<String, String>,
    ) -> (Step, BTreeMap<String, String>) {
        let files = tempfile::tempdir().expect("a temporary folder");
        let names = ["OUTPUT", "STATE", "ENV", "PATH", "STEP_SUMMARY"];
        for (name, _) in std::env::vars() {
            let of_a_job = ["GITHUB_", "ACTIONS_", "SNOWBANK_", "RUNNER_", "XDG_"];
            if of_a_job.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(&self.environment).envs(told).current_dir(self.workspace());
        for name in names {
            let file = files.path().join(name);
            fs::write(&file, "").expect("a file can be written");
            command.env(format!("GITHUB_{name}"), file);
        }
        let output = command.output().expect("a step can be started");
        let text = |name: &str| fs::read_to_string(files.path().join(name)).expect("a step leaves its files");
        self.environment.extend(records(&text("ENV")));
        let folders: Vec<_> = text("PATH").lines().map(str::to_owned).collect();
        if !folders.is_empty() {
            let old = self.environment.get("PATH").cloned().or_else(|| std::env::var("PATH").ok());
            let all: Vec<_> = folders.into_iter().rev().chain(old).collect();
            self.environment.insert("PATH".to_owned(), all.join(":"));
        }
        if !output.status.success() {
            self.status = "failure";
        }
        let step =
            Step { outputs: records(&text("OUTPUT")).collect(), summary: text("STEP_SUMMARY"), output };
        (step, records(&text("STATE")).collect())
    }
}

/// The records of a file in the form with a delimiter.
fn records(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").expect("a record begins with its name");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        found.push((name.to_owned(), value.join("\n")));
    }
    found.into_iter()
}

/// The inputs of a description that have a default.
fn defaults(described: &str) -> impl Iterator<Item = (String, String)> {
    let mut name = String::new();
    let mut found = Vec::new();
    for line in described.lines().skip_while(|line| *line != "inputs:").skip(1) {
        if !line.is_empty() && !line.starts_with(' ') {
            break;
        }
        if let Some(default) = line.strip_prefix("    default: ") {
            found.push((name.clone(), default.trim_matches('"').to_owned()));
        } else if let Some(input) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) {
            name = input.trim_end_matches(':').to_owned();
        }
    }
    found.into_iter()
}

fn value<'a>(described: &'a str, key: &str) -> Option<&'a str> {
    described.lines().find_map(|line| line.strip_prefix(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_s_defaults_are_read() {
        let described = "inputs:\n  a:\n    default: \"false\"\n  b-c:\n    description: x\n  d:\n    default: ${{ job.status }}\nruns:\n  main: x.mjs\n    default: no\n";
        let expected = [("a", "false"), ("d", "${{ job.status }}")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(defaults(described).collect::<Vec<_>>(), expected);
        assert_eq!(value(described, "  main: "), Some("x.mjs"));
    }

    #[test]
    fn records_may_have_several_lines() {
        let read: Vec<_> = records("a<<D\n1\n2\nD\nb<<E\n\nE\n").collect();
        assert_eq!(read, [("a".to_owned(), "1\n2".to_owned()), ("b".to_owned(), String::new())]);
    }
}
