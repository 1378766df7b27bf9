//! `snowbank image`.

mod config;
mod destination;
mod difference;
mod inspect;
mod plans;
mod push;
mod records;
mod report;
mod sbom;
mod source;
mod table;
mod told;
mod view;

use crate::args::image::Image;
use crate::error::{CliError, Result};
use crate::printer::Printer;
use snowbank_oci::destination::DestinationError;
use snowbank_oci::push::PushError;

pub(super) async fn run(args: Image, printer: &Printer) -> Result<()> {
    match args {
        Image::Push(args) => push::run(*args, printer).await,
        Image::Inspect(args) => inspect::run(*args, printer).await,
        Image::Diff(args) => difference::run(*args, printer).await,
    }
}

/// A destination's refusal, with its own hint.
fn refused(mut error: DestinationError) -> CliError {
    let hint = error.hint.take();
    let failed = CliError::failed(error.to_string());
    let failed = match std::error::Error::source(&error) {
        Some(source) => failed.because(source),
        None => failed,
    };
    match hint {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

fn not_pushed(error: PushError) -> CliError {
    match error {
        PushError::Destination(error) => refused(error),
        PushError::Missing(_) => CliError::failed("the image was not pushed").because(error).hint(
            "build them, or take them from a cache or a snapshot with --from; layers that the registry has need no path here",
        ),
        error => CliError::failed("the image was not pushed").because(error),
    }
}
