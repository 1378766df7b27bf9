//! A small runner: executes an action's main and post step as GitHub's runner does, with real files for what a step tells
//! it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
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
    /// Who runs its steps, where it is not who runs the test.
    user: Option<u32>,
    /// GitHub's token of the job.
    github_token: String,
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
        Self {
            environment: named(&environment),
            for_actions: named(&for_actions),
            folder,
            status: "success",
            user: None,
            github_token: String::new(),
        }
    }

    /// Has its steps run by this user, who owns its folders.
    ///
    /// # Panics
    /// When this process is not root's.
    #[must_use]
    pub fn of_user(mut self, user: u32) -> Self {
        let all = fs::read_dir(self.folder.path()).expect("the job's folders are there");
        let all = all.map(|entry| entry.expect("a folder can be read").path());
        for folder in all.chain([self.folder.path().to_owned()]) {
            std::os::unix::fs::chown(folder, Some(user), Some(user)).expect("root gives folders away");
        }
        self.user = Some(user);
        self
    }

    /// Sets a variable of the whole job.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Gives it a token for GitHub's API, which it then finds at `api`, as the job of this repository.
    #[must_use]
    pub fn github(mut self, api: &str, repository: &str, token: &str) -> Self {
        token.clone_into(&mut self.github_token);
        self.env("GITHUB_API_URL", api).env("GITHUB_REPOSITORY", repository)
    }

    /// The folder that steps run in.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Has the job cancelled from here on.
    pub fn cancel(&mut self) {
        self.status = "cancelled";
    }

    /// A `run:` step: a shell script. It knows nothing of what only actions are told.
    ///
    /// # Panics
    /// When no shell can be started.
    pub fn run(&mut self, script: &str) -> Step {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]);
        self.step(command, BTreeMap::new(), || None).0
    }

    /// The main step of the action in a folder.
    ///
    /// # Panics
    /// When its `action.yml` cannot be read, or Node is not there and cannot be installed.
    pub fn start(&mut self, action: &Path, inputs: &[(&str, &str)]) -> (Step, Started) {
        tools::ensure("npm");
        let mut started = started(action, inputs);
        let (step, state) = self.action(&started, "main", || None);
        started.state = state;
        (step, started)
    }

    /// The same, cancelled once `when` has returned: the runner then interrupts the step's process, and no other.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    pub fn start_and_cancel(
        &mut self,
        action: &Path,
        inputs: &[(&str, &str)],
        when: impl FnOnce(),
    ) -> (Step, Started) {
        tools::ensure("npm");
        let mut started = started(action, inputs);
        let (step, state) = self.action(&started, "main", || {
            when();
            Some(Signal::INT)
        });
        started.state = state;
        self.cancel();
        (step, started)
    }

    /// Its post step.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    pub fn finish(&mut self, started: &Started) -> Step {
        self.action(started, "post", || None).0
    }

    fn action(
        &mut self,
        started: &Started,
        stage: &str,
        meanwhile: impl FnOnce() -> Option<Signal>,
    ) -> (Step, BTreeMap<String, String>) {
        let described =
            fs::read_to_string(started.action.join("action.yml")).expect("the action has a description");
        let script = value(&described, &format!("  {stage}: ")).expect("the action has such a step");
        let mut command = tools::command("node");
        command.arg(started.action.join(script));
        let mut told = self.for_actions.clone();
        for (name, text) in &started.inputs {
            let text = text.replace("${{ job.status }}", self.status);
            let text = text.replace("${{ github.token }}", &self.github_token);
            told.insert(format!("INPUT_{}", name.to_uppercase()), text);
        }
        told.extend(started.state.iter().map(|(name, text)| (format!("STATE_{name}"), text.clone())));
        self.step(command, told, meanwhile)
    }

    fn by_user(&self, command: Command) -> Command {
        let Some(user) = self.user else { return command };
        let mut by = Command::new("setpriv");
        let user = user.to_string();
        by.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
        by.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => by.env(name, value),
                None => by.env_remove(name),
            };
        }
        by
    }

    /// Runs a step that is told this beside what all of the job's are; gives back its state, too.
    fn step(
        &mut self,
        command: Command,
        told: BTreeMap<String, String>,
        meanwhile: impl FnOnce() -> Option<Signal>,
    ) -> (Step, BTreeMap<String, String>) {
        let mut command = self.by_user(command);
        let files = tempfile::tempdir().expect("a temporary folder");
        open_to_all(files.path(), 0o755);
        let names = ["OUTPUT", "STATE", "ENV", "PATH", "STEP_SUMMARY"];
        for (name, _) in std::env::vars() {
            let of_a_job = ["GITHUB_", "GH_", "ACTIONS_", "SNOWBANK_", "RUNNER_", "XDG_"];
            if of_a_job.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(&self.environment).envs(told).current_dir(self.workspace());
        for name in names {
            let file = files.path().join(name);
            fs::write(&file, "").expect("a file can be written");
            open_to_all(&file, 0o666);
            command.env(format!("GITHUB_{name}"), file);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("a step can be started");
        if let Some(signal) = meanwhile() {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
            kill_process(pid, signal).expect("a step that runs can be told to end");
        }
        let output = child.wait_with_output().expect("a step ends");
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

/// What an action is started with.
fn started(action: &Path, inputs: &[(&str, &str)]) -> Started {
    let described = fs::read_to_string(action.join("action.yml")).expect("the action has a description");
    let mut given: BTreeMap<_, _> = defaults(&described).collect();
    given.extend(inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Started { action: action.to_owned(), inputs: given, state: BTreeMap::new() }
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("what was made can be opened");
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
