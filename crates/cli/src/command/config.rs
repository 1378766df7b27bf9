//! `snowbank config`.

use crate::args::Config;
use crate::config;
use crate::error::Result;
use crate::printer::Printer;

pub(crate) fn run(args: Config, printer: &Printer) -> Result<()> {
    let Config::Show { state, json } = args;
    let configuration = config::read(&state, Vec::new())?;
    if json {
        printer.data(format!("{:#}", config::show_json(&configuration)));
    } else {
        for line in config::show_text(&configuration) {
            printer.data(line);
        }
    }
    Ok(())
}
