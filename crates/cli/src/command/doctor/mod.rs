//! `snowbank doctor`: looks at what may keep a cache from being used, and says what to do.

mod api;
mod ask;
mod keys;
mod lock_file;
mod nix;
mod sample;
mod service;

use std::process::ExitCode;
use std::time::Duration;

use snowbank_client::doctor::{Finding, Level};

use crate::args::doctor::Doctor;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: Doctor, printer: &Printer) -> Result<ExitCode> {
    let mut found = lock_file::look(&args).await;
    let service = service::look(&args, &mut found).await;
    keys::look(&args, service.as_ref(), &mut found).await;
    nix::look(&args, &mut found).await;
    if args.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|error| CliError::failed("could not write the findings as JSON").because(error))?;
        printer.data(text);
    } else {
        found.iter().for_each(|finding| tell(finding, printer));
    }
    let bad = found.iter().any(|finding| finding.level == Level::Problem);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(finding: &Finding, printer: &Printer) {
    let Finding { level, title, seen, hints, .. } = finding;
    printer.data(format!("{:<8} {}", level.word(), plain(title)));
    printer.data(format!("         {}", plain(seen)));
    for hint in hints {
        printer.data(format!("         hint: {}", plain(hint)));
    }
}

/// Without what a terminal would obey: keys and answers are others' words.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Something that took too long, or did not work, in words.
async fn within<T>(
    question: impl Future<Output = std::result::Result<T, String>>,
) -> std::result::Result<T, String> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("nothing came for {} s", PATIENCE.as_secs())),
    }
}
