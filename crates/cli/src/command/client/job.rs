//! The GitHub job around us, if there is one: outputs and a summary for its page.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use snowbank_actions::runner::record;
use snowbank_client::series::{Found, Key};

use super::lazy::settings;
use super::progress::Progress;
use super::restore::{Done, nix_config};

/// The files that the runner reads after this step.
#[derive(Debug, Default)]
pub(crate) struct Job {
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    env: Option<PathBuf>,
}

/// What a lookup came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lookup<'a> {
    Found(&'a Found),
    Miss,
    /// The service did not answer.
    Outage,
}

impl Job {
    /// The job that this process is a step of.
    pub(crate) fn of_environment() -> Self {
        let file = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { output: file("GITHUB_OUTPUT"), summary: file("GITHUB_STEP_SUMMARY"), env: file("GITHUB_ENV") }
    }

    /// The outputs of `actions/cache/restore`: the key; what matched, where something did; whether that was the key
    /// itself. After a miss there is no `cache-hit`, as there.
    pub(crate) fn looked_up(&self, key: &Key, lookup: Lookup<'_>, progress: &Progress) {
        let mut records = vec![("cache-primary-key", key.to_string())];
        match lookup {
            Lookup::Found(found) => {
                records.push(("cache-matched-key", found.entry.clone()));
                records.push(("cache-hit", (found.key == *key).to_string()));
            }
            Lookup::Miss => {}
            Lookup::Outage => records.push(("cache-hit", "false".to_owned())),
        }
        let text = records.iter().map(|(name, value)| record(name, value)).collect::<Result<String, _>>();
        match text {
            Ok(text) => append(self.output.as_ref(), &text, progress),
            Err(error) => progress.warn(&format!("the step's outputs are not written: {error}")),
        }
    }

    /// What was restored, how large it was and how long it took; nothing after a miss.
    pub(crate) fn restored(&self, took: Duration, done: &Done, progress: &Progress) {
        let mut records = Vec::new();
        if let Some(report) = &done.report {
            records.push(("restored-paths", report.restored.count));
            records.push(("restored-bytes", report.restored.bytes));
            records.push(("downloaded-bytes", report.downloaded));
        }
        if let Some(lazily) = &done.lazily {
            records.push(("served-paths", lazily.paths));
            records.push(("served-bytes", lazily.bytes));
        }
        if records.is_empty() {
            return;
        }
        let text = records.iter().map(|(name, value)| record(name, &value.to_string()));
        let seconds =
            std::iter::once_with(|| record("restore-seconds", &format!("{:.1}", took.as_secs_f64())));
        match text.chain(seconds).collect::<Result<String, _>>() {
            Ok(text) => append(self.output.as_ref(), &text, progress),
            Err(error) => progress.warn(&format!("the step's outputs are not written: {error}")),
        }
    }

    /// Has the Nix of later steps ask the cache at `url`. False where there are no later steps of a job.
    pub(crate) fn set_nix(&self, url: &str, progress: &Progress) -> bool {
        if self.env.is_none() {
            return false;
        }
        // The runner shows what steps find in their environment.
        progress.mask(url);
        match record("NIX_CONFIG", &settings(url, nix_config().as_deref())) {
            Ok(text) => append(self.env.as_ref(), &text, progress),
            Err(error) => progress.warn(&format!("Nix is not told where to ask: {error}")),
        }
        true
    }

    /// A table for the job's page.
    pub(crate) fn summarise(&self, markdown: &str, progress: &Progress) {
        append(self.summary.as_ref(), markdown, progress);
    }
}

/// Appends to a file that the runner has made.
fn append(file: Option<&PathBuf>, text: &str, progress: &Progress) {
    let Some(file) = file else { return };
    let written =
        OpenOptions::new().append(true).open(file).and_then(|mut open| open.write_all(text.as_bytes()));
    if let Err(error) = written {
        progress.warn(&format!("the runner is not told: {}: {error}", file.display()));
    }
}
