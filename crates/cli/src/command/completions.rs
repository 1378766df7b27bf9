//! `snowbank completions`.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::Args;
use crate::error::Result;
use crate::printer::Printer;

pub(crate) fn run(shell: Shell, printer: &Printer) -> Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Args::command(), "snowbank", &mut script);
    printer.data(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
