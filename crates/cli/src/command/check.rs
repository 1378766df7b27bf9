//! `snowbank check`.

use serde_json::json;
use snowbank_server::service::Damage;

use super::bytes;
use crate::args::Check;
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Role, open};
use crate::printer::Printer;

pub(crate) async fn run(args: Check, printer: &Printer) -> Result<()> {
    let settings = config::read(&args.state, Vec::new())?.settings;
    let service = open(settings, Role::Beside).await?.service;
    let report = service.check(args.repair).await?;
    let damage: Vec<String> = report.damage.iter().map(describe).collect();
    if args.json {
        printer.data(format!("{:#}", json!({
            "packs": report.packs, "frames": report.frames, "entries": report.entries, "nars": report.nars, "bytes": report.bytes,
            "damage": damage, "repaired": report.repaired,
        })));
    } else {
        printer.data(format!(
            "read {} packs with {} frames, {} entries, {} NARs, {} in all",
            report.packs,
            report.frames,
            report.entries,
            report.nars,
            bytes(report.bytes)
        ));
        for line in &damage {
            printer.data(format!("damaged: {line}"));
        }
    }
    if damage.is_empty() || args.repair {
        return Ok(());
    }
    Err(CliError::failed(format!("{} things are damaged", damage.len())).hint(
        "`snowbank check --repair` makes damaged entries and paths misses, so that the next save or push brings them again",
    ))
}

fn describe(damage: &Damage) -> String {
    match damage {
        Damage::Pack { pack, what } => format!("pack {pack}: {what}"),
        Damage::Frame { pack, offset, chunk } => format!("pack {pack}, byte {offset}: chunk {chunk}"),
        Damage::Block { object } => format!("uploaded block {object}"),
        Damage::Nar { hash } => format!("NAR {hash}"),
        Damage::Entry { entry, key } => format!("entry {entry}, key {}", key.escape_debug()),
    }
}
