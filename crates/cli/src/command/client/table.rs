//! The one table that `run` ends in.

use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};
use snowbank_actions::client::Traffic;
use snowbank_actions::client::rest::Usage;
use snowbank_client::save::Saved;
use snowbank_client::series::{Key, Published};

use super::restore::{Done, Failure};
use super::session::Session;
use crate::command::bytes;
use crate::error::CliError;

/// A line: what, seconds, paths, bytes, and what else there is to say.
#[derive(Debug, Default)]
struct Line {
    what: &'static str,
    seconds: Option<f64>,
    paths: Option<u64>,
    bytes: Option<u64>,
    more: String,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
    matched: Option<String>,
    matched_key: Option<Key>,
    saved: Option<String>,
    /// What became of the restore where it failed.
    failed: Option<&'static str>,
    code: Option<i32>,
    /// What the repository uses of how much.
    repository: Option<(Usage, u64)>,
    traffic: Traffic,
}

impl Table {
    /// What was restored.
    pub(crate) fn restored(&mut self, took: Duration, done: &Done, session: &Session) {
        self.matched = done.found.as_ref().map(|found| found.entry.clone());
        self.matched_key = done.found.as_ref().map(|found| found.key.clone());
        if let Some(lazily) = &done.lazily {
            self.lines.push(Line {
                what: "at hand",
                seconds: Some(took.as_secs_f64()),
                paths: Some(lazily.paths),
                bytes: Some(lazily.bytes),
                more: "fetched when Nix asks".to_owned(),
            });
            return;
        }
        let Some(report) = &done.report else {
            let more = session.sought();
            self.lines.push(Line {
                what: "restore",
                seconds: Some(took.as_secs_f64()),
                more,
                ..Line::default()
            });
            return;
        };
        let line = |what, paths: snowbank_client::restore::Paths, more| Line {
            what,
            seconds: None,
            paths: Some(paths.count),
            bytes: Some(paths.bytes),
            more,
        };
        let downloaded = format!("{} downloaded", bytes(report.downloaded));
        let looking = Some(took.saturating_sub(report.writing).as_secs_f64());
        self.lines.push(Line { what: "looked up", seconds: looking, ..Line::default() });
        let seconds = Some(report.writing.as_secs_f64());
        self.lines.push(Line { seconds, ..line("restored", report.restored, downloaded) });
        self.lines.push(line("were there", report.found, String::new()));
        if report.upstream.count > 0 {
            let received = format!("{} received", bytes(report.received));
            self.lines.push(line("from upstream", report.upstream, received));
        }
        if !report.missed.is_empty() {
            let paths = Some(report.missed.len() as u64);
            self.lines.push(Line { what: "missed", paths, ..Line::default() });
        }
    }

    /// Why nothing was.
    pub(crate) fn not_restored(&mut self, took: Duration, failure: &Failure) {
        self.matched.clone_from(&failure.found);
        self.failed = Some(if failure.outage { "the cache did not answer" } else { "not restored" });
        let more = match failure.outage {
            true => "the cache did not answer".to_owned(),
            false => format!("not restored: {}", failure.error.reason()),
        };
        self.lines.push(Line { what: "restore", seconds: Some(took.as_secs_f64()), more, ..Line::default() });
    }

    /// How the command went.
    pub(crate) fn command(&mut self, took: Duration, status: ExitStatus) {
        self.code = status.code();
        let more = status.to_string();
        self.lines.push(Line { what: "command", seconds: Some(took.as_secs_f64()), more, ..Line::default() });
    }

    /// What was built since, if that is known: paths, and bytes of their NARs.
    pub(crate) fn built(&mut self, built: Option<(u64, u64)>) {
        if let Some((paths, bytes)) = built {
            let (paths, bytes) = (Some(paths), Some(bytes));
            self.lines.push(Line { what: "built", paths, bytes, ..Line::default() });
        }
    }

    /// What was saved.
    pub(crate) fn saved(&mut self, took: Duration, saved: &Saved) {
        let more = match &saved.published {
            None => "nothing was new".to_owned(),
            Some(Published::As { entry, .. }) => {
                self.saved = Some(entry.clone());
                let known = saved.read.bytes.saturating_sub(saved.fresh);
                format!("{} of it stored already, {} sent", bytes(known), bytes(saved.sent.bytes))
            }
            Some(Published::Exists) => "the key was saved before".to_owned(),
            Some(Published::Denied(why)) => why.clone(),
        };
        self.lines.push(Line {
            what: "saved",
            seconds: Some(took.as_secs_f64()),
            paths: Some(saved.read.count),
            bytes: Some(saved.read.bytes),
            more,
        });
        if saved.upstream.count > 0 {
            let (paths, bytes) = (Some(saved.upstream.count), Some(saved.upstream.bytes));
            let more = "not stored".to_owned();
            self.lines.push(Line { what: "left upstream", seconds: None, paths, bytes, more });
        }
    }

    /// Why nothing was.
    pub(crate) fn not_saved(&mut self, took: Duration, error: &CliError) {
        let more = format!("not saved: {}", error.reason());
        self.lines.push(Line { what: "save", seconds: Some(took.as_secs_f64()), more, ..Line::default() });
    }

    /// What the repository uses, and what it may.
    pub(crate) fn repository(&mut self, usage: Usage, limit: u64) {
        self.repository = Some((usage, limit));
    }

    /// What went over the wire.
    pub(crate) fn traffic(&mut self, traffic: Traffic) {
        self.traffic = traffic;
    }

    /// Prints it.
    pub(crate) fn tell(&self, session: &Session) {
        let progress = &session.progress;
        progress.say(format!("{:<14}{:>9}{:>8}{:>11}", session.key.as_str(), "seconds", "paths", "size"));
        for line in &self.lines {
            let seconds = line.seconds.map(|seconds| format!("{seconds:.1}")).unwrap_or_default();
            let paths = line.paths.map(|paths| paths.to_string()).unwrap_or_default();
            let size = line.bytes.map(bytes).unwrap_or_default();
            let text = format!("{:<14}{seconds:>9}{paths:>8}{size:>11}  {}", line.what, line.more);
            progress.say(text.trim_end());
        }
        let name = |entry: &Option<String>| entry.clone().unwrap_or_else(|| "nothing".to_owned());
        let found = match (&self.matched, self.failed) {
            (Some(entry), Some(failed)) => format!("found {entry}, {failed}"),
            (None, Some(failed)) => failed.to_owned(),
            (matched, None) => format!("found {}", name(matched)),
        };
        progress.say(format!(
            "{found}, saved {}; {} requests, {} sent, {} received",
            name(&self.saved),
            self.traffic.requests,
            bytes(self.traffic.sent),
            bytes(self.traffic.received)
        ));
        self.used().into_iter().for_each(|used| progress.say(used));
    }

    fn used(&self) -> Option<String> {
        let (usage, limit) = self.repository.as_ref()?;
        // A limit is a round number.
        Some(format!("repository uses {} of {}", bytes(usage.bytes), bytes(*limit).replace(".0 ", " ")))
    }

    /// The same for the page of a GitHub job, below what it comes to: a hit, a partial hit or a miss.
    pub(crate) fn markdown(&self, key: &Key) -> String {
        let title = match (&self.matched, &self.matched_key) {
            (entry, _) if self.failed.is_some() => {
                format!("{}: `{}`", self.failed.unwrap_or_default(), entry.as_deref().unwrap_or(key.as_str()))
            }
            (Some(entry), Some(of)) if of == key => format!("hit: `{entry}`"),
            (Some(entry), _) => format!("partial hit: `{entry}` for `{key}`"),
            (None, _) if self.lines.iter().any(|line| line.what == "restore") => format!("miss: `{key}`"),
            (None, _) => format!("`{key}`"),
        };
        let mut text =
            format!("### Nix store cache {title}\n\n| | seconds | paths | size | |\n|---|--:|--:|--:|---|\n");
        for line in &self.lines {
            let seconds = line.seconds.map(|seconds| format!("{seconds:.1}")).unwrap_or_default();
            let paths = line.paths.map(|paths| paths.to_string()).unwrap_or_default();
            let size = line.bytes.map(bytes).unwrap_or_default();
            let more = line.more.replace('|', "\\|").replace('\n', " ");
            text += &format!("| {} | {seconds} | {paths} | {size} | {more} |\n", line.what);
        }
        let saved = self.saved.as_ref().map(|entry| format!(" Saved `{entry}`.")).unwrap_or_default();
        let Traffic { requests, sent, received } = self.traffic;
        let used = self.used().map(|used| format!("{used}\n\n")).unwrap_or_default();
        text + &format!(
            "\n{requests} requests, {} sent, {} received.{saved}\n\n{used}",
            bytes(sent),
            bytes(received)
        )
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let line = |line: &Line| json!({"what": line.what, "seconds": line.seconds, "paths": line.paths, "bytes": line.bytes, "more": line.more});
        json!({
            "matched": self.matched,
            "saved": self.saved,
            "code": self.code,
            "repository": self.repository.map(|(usage, limit)| json!({"entries": usage.entries, "bytes": usage.bytes, "limit": limit})),
            "stages": self.lines.iter().map(line).collect::<Vec<_>>(),
            "traffic": {"requests": self.traffic.requests, "sent": self.traffic.sent, "received": self.traffic.received},
        })
    }
}
