//! What a push of an image says: a line a layer, a summary, JSON, and a table for the job's page.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use snowbank_client::observer::{Event, Observer, Stage};
use snowbank_oci::push::{LayerReport, Outcome, PushObserver, Report};

use super::sbom::Referrer;
use crate::command::client::Progress;
use crate::command::{bytes, counted};

/// Says what becomes of each layer.
pub(super) struct Talker {
    pub(super) progress: Arc<Progress>,
}

impl PushObserver for Talker {
    fn layer(&self, layer: &LayerReport) {
        self.progress.say(line(layer));
    }

    fn sent(&self, bytes: u64) {
        self.progress.tell(Event::Advance { stage: Stage::Upload, bytes, paths: 0 });
    }

    fn warning(&self, text: &str) {
        self.progress.warn(text);
    }
}

/// What the destination was asked and sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) sent: u64,
}

/// The line of a layer.
pub(super) fn line(layer: &LayerReport) -> String {
    let width = layer.of.to_string().len();
    let size = layer.size.map_or_else(|| "?".to_owned(), bytes);
    let took = match layer.outcome {
        Outcome::Uploaded => format!(" in {:.1} s", layer.seconds),
        _ => String::new(),
    };
    let paths = match layer.paths {
        0 | 1 => String::new(),
        count => format!(", {}", counted(count as u64, "path")),
    };
    format!(
        "layer {:>width$}/{} {:<8} {size:>9}  {}{paths}{took}",
        layer.number,
        layer.of,
        word(layer.outcome),
        layer.name
    )
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Exists => "exists",
        Outcome::Mounted => "mounted",
        Outcome::Uploaded => "uploaded",
        Outcome::Missing => "missing",
    }
}

/// The last line.
pub(super) fn summary(
    name: &str,
    reports: &[Report],
    dry_run: bool,
    took: Duration,
    traffic: Traffic,
) -> String {
    let sum = |outcome| {
        let sums = reports.iter().map(|report| report.sum(outcome));
        sums.fold((0, 0), |(count, size), (more, bytes)| (count + more, size + bytes))
    };
    let told = |(count, size): (usize, u64), word: &str| format!("{count} {word} ({})", bytes(size));
    let mut parts = vec![told(sum(Outcome::Exists), "there")];
    if sum(Outcome::Mounted).0 > 0 {
        parts.push(told(sum(Outcome::Mounted), "mounted"));
    }
    if dry_run {
        let (count, _) = sum(Outcome::Missing);
        parts.push(format!("{count} to be sent"));
    } else {
        parts.push(told(sum(Outcome::Uploaded), "uploaded"));
    }
    let changed = reports.iter().any(|report| !report.unchanged);
    let verb = match (dry_run, changed) {
        (true, _) => "would push to",
        (false, true) => "pushed to",
        (false, false) => "nothing is new at",
    };
    let layers: usize = reports.iter().map(|report| report.layers.len()).sum();
    format!(
        "{verb} {name} in {:.1} s: {}: {}; {}, {} sent",
        took.as_secs_f64(),
        counted(layers as u64, "layer"),
        parts.join(", "),
        counted(traffic.requests, "request"),
        bytes(traffic.sent),
    )
}

/// The same for programs.
pub(super) fn json(
    name: &str,
    digest: Option<&str>,
    reports: &[Report],
    referrers: &[Referrer],
    took: Duration,
    traffic: Traffic,
) -> Value {
    json!({
        "destination": name,
        "digest": digest,
        "images": reports,
        "referrers": referrers,
        "seconds": took.as_secs_f64(),
        "requests": traffic.requests,
        "sent": traffic.sent,
    })
}

/// Layers that a table names one by one; the others are counted.
const ROWS: usize = 100;

/// The same for the page of a GitHub job.
pub(super) fn markdown(title: &str, summary: &str, reports: &[Report], referrers: &[Referrer]) -> String {
    let mut text = format!("### Image {title}\n\n{summary}\n\n");
    for report in reports {
        text += &format!(
            "<details><summary>{} layers of {} ({})</summary>\n\n| layer | | size | paths | seconds |\n|---|---|--:|--:|--:|\n",
            report.layers.len(),
            report.architecture,
            report.compression
        );
        for layer in report.layers.iter().take(ROWS) {
            let name = layer.name.replace('|', "\\|").replace('\n', " ");
            let size = layer.size.map(bytes).unwrap_or_default();
            let seconds = match layer.outcome {
                Outcome::Uploaded => format!("{:.1}", layer.seconds),
                _ => String::new(),
            };
            text += &format!("| {name} | {} | {size} | {} | {seconds} |\n", word(layer.outcome), layer.paths);
        }
        if let Some(more) = report.layers.len().checked_sub(ROWS + 1) {
            text += &format!("| and {} more | | | | |\n", more + 1);
        }
        text += "\n</details>\n\n";
    }
    for referrer in referrers {
        text += &format!("- {}\n", referrer.line());
    }
    text
}
