//! In a GitHub job: what the runner is told.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::kit::{Remote, closure, empty, said};

/// The files that a runner makes for a step.
struct Step(TempDir);

impl Step {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["output", "summary"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        Self(folder)
    }

    fn run(&self, remote: &Remote, root: &Path, arguments: &[&str]) -> Output {
        let mut command = remote.command(&arguments[..1]);
        command.arg("--store").arg(root).args(&arguments[1..]).env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_OUTPUT", self.0.path().join("output"));
        command.env("GITHUB_STEP_SUMMARY", self.0.path().join("summary"));
        command.current_dir(self.0.path()).output().unwrap()
    }

    /// Names and values, in their order.
    fn outputs(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.0.path().join("output")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let record = |record: &[&str]| {
            let (name, delimiter) = record[0].split_once("<<").unwrap();
            assert_eq!(record[2], delimiter);
            (name.to_owned(), record[1].to_owned())
        };
        lines.chunks(3).map(record).collect()
    }

    fn summary(&self) -> String {
        std::fs::read_to_string(self.0.path().join("summary")).unwrap()
    }
}

fn outputs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn outputs_and_summary_tell_hit_partial_hit_and_miss() {
    let store = closure(&[1]);
    let remote = Remote::server();
    let restore = |key: &str, step: &Step| {
        let root = empty();
        let arguments = ["restore", "--key", key, "--restore-key", "k-", "--min-free", "1MB"];
        let output = step.run(&remote, root.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    };
    let step = Step::new();
    restore("k-1", &step);
    assert_eq!(step.outputs(), outputs(&[("cache-primary-key", "k-1")]));
    assert!(step.summary().starts_with("### Nix store cache miss: `k-1`\n"), "{}", step.summary());

    let step = Step::new();
    assert!(step.run(&remote, store.root(), &["save", "--key", "k-1", store.top()]).status.success());
    assert!(step.summary().contains("Saved `k-1#1`."), "{}", step.summary());

    let step = Step::new();
    restore("k-1", &step);
    let hit = [("cache-primary-key", "k-1"), ("cache-matched-key", "k-1#1"), ("cache-hit", "true")];
    assert_eq!(step.outputs(), outputs(&hit));
    assert!(step.summary().starts_with("### Nix store cache hit: `k-1#1`\n"), "{}", step.summary());

    let step = Step::new();
    restore("k-2", &step);
    let partial = [("cache-primary-key", "k-2"), ("cache-matched-key", "k-1#1"), ("cache-hit", "false")];
    assert_eq!(step.outputs(), outputs(&partial));
    assert!(step.summary().contains("partial hit: `k-1#1` for `k-2`"), "{}", step.summary());
}

#[test]
fn an_outage_is_a_warning_on_the_job_s_page_and_no_hit() {
    let (step, root) = (Step::new(), empty());
    let remote = Remote::Url("http://127.0.0.1:1".to_owned());
    let output = step.run(&remote, root.path(), &["restore", "--key", "k"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).lines().any(|line| line.starts_with("::warning::")), "{}", said(&output));
    assert_eq!(step.outputs(), outputs(&[("cache-primary-key", "k"), ("cache-hit", "false")]));
}

#[test]
fn files_that_the_runner_did_not_make_are_a_warning() {
    let (step, root) = (Step::new(), empty());
    std::fs::remove_file(step.0.path().join("output")).unwrap();
    let output = step.run(&Remote::folder(), root.path(), &["restore", "--key", "k"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("::warning::the runner is not told"), "{}", said(&output));
    assert!(!step.0.path().join("output").exists());
}
