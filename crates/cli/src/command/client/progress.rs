//! What a client command says while it works: bars on a terminal, a line every few seconds elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use snowbank_actions::runner::command;
use snowbank_client::observer::{Event, Observer, Stage};

use super::restore::INTERRUPTED;
use crate::command::bytes;
use crate::printer::Printer;

/// How long a stage goes on before a line tells of it again.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a service is silent before a line tells of it.
const SILENCE: Duration = Duration::from_secs(2);

const BAR: &str = "{prefix:9} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left";
const SPINNER: &str = "{prefix:9} {bytes} {binary_bytes_per_sec}";

/// Tells people.
pub(crate) struct Progress {
    printer: Printer,
    quiet: bool,
    in_job: bool,
    bars: Option<MultiProgress>,
    stages: Mutex<BTreeMap<Stage, Counter>>,
}

struct Counter {
    begun: Instant,
    told: Instant,
    done: u64,
    paths: u64,
    total: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// On standard error, which must be a terminal for bars.
    pub(crate) fn new(quiet: bool) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        let in_job = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Self { printer: Printer::new(), quiet, in_job, bars, stages: Mutex::default() }
    }

    /// A line of talk that does not run into bars.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            self.print(line.as_ref());
        }
    }

    /// A warning, even where nothing else is said.
    pub(crate) fn warn(&self, text: &str) {
        // Shown on the job's page, too.
        let line = if self.in_job { command("warning", &[], text) } else { format!("warning: {text}") };
        self.print(&line);
    }

    /// Has the job's log show stars for it.
    pub(crate) fn mask(&self, secret: &str) {
        if self.in_job {
            self.print(&command("add-mask", &[], secret));
        }
    }

    /// Waits for something short, with a line when it is not, until it is there; Ctrl-C ends the process, with no bar
    /// left behind.
    pub(crate) async fn wait_for<T>(&self, name: &str, asked: impl Future<Output = T>) -> T {
        let mut asked = Box::pin(self.unless_interrupted(asked));
        tokio::select! {
            answer = &mut asked => return answer,
            () = tokio::time::sleep(SILENCE) => self.say(format!("no answer from {name} yet: trying on")),
        }
        asked.await
    }

    /// The same for something that may take its time.
    pub(crate) async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => return done,
            _ = tokio::signal::ctrl_c() => {}
        }
        self.clear();
        std::process::exit(i32::from(INTERRUPTED));
    }

    /// Takes all bars away.
    pub(crate) fn clear(&self) {
        let bars: Vec<_> = self.lock().values_mut().filter_map(|counter| counter.bar.take()).collect();
        bars.iter().for_each(ProgressBar::finish_and_clear);
    }

    fn print(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| self.printer.talk(line)),
            None => self.printer.talk(line),
        }
    }

    fn begin(&self, stage: Stage, total: u64) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
            let style = ProgressStyle::with_template(if total > 0 { BAR } else { SPINNER });
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bars.add(bar.with_prefix(name(stage)))
        });
        let now = Instant::now();
        let counter = Counter { begun: now, told: now, done: 0, paths: 0, total, bar };
        self.lock().insert(stage, counter);
    }

    fn advance(&self, stage: Stage, more: u64, paths: u64) {
        let mut stages = self.lock();
        let Some(counter) = stages.get_mut(&stage) else {
            drop(stages);
            self.begin(stage, 0);
            return self.advance(stage, more, paths);
        };
        counter.done += more;
        counter.paths += paths;
        if let Some(bar) = &counter.bar {
            bar.inc(more);
        } else if !self.quiet && counter.told.elapsed() >= PAUSE {
            counter.told = Instant::now();
            let line = counter.line(stage);
            drop(stages);
            self.print(&line);
        }
    }

    fn end(&self, stage: Stage) {
        if let Some(bar) = self.lock().get_mut(&stage).and_then(|counter| counter.bar.take()) {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Stage, Counter>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    fn line(&self, stage: Stage) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(0.001);
        let mut line = format!("{}: {}", name(stage), bytes(self.done));
        if self.total > 0 {
            let left = self.total.saturating_sub(self.done) as f64 / rate.max(1.0);
            line += &format!(" of {}, {left:.0} s left", bytes(self.total));
        }
        line + &format!(", {}/s", bytes(rate as u64))
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Find => "looking",
        Stage::Download => "download",
        Stage::Upstream => "upstream",
        Stage::Write => "write",
        Stage::Read => "read",
        Stage::Upload => "upload",
    }
}

impl Observer for Progress {
    fn tell(&self, event: Event) {
        match event {
            Event::Begin { stage, bytes, .. } => self.begin(stage, bytes),
            Event::Advance { stage, bytes, paths } => self.advance(stage, bytes, paths),
            Event::End { stage } => self.end(stage),
            Event::Warning(text) => self.warn(&text),
        }
    }
}
