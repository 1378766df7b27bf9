//! Taking an archive, or any bytes, apart into chunks.

use super::batches::Batches;
use super::pieces::Pieces;
use super::unfold::Unfolder;
use super::{IngestError, Options, Plan};
use crate::chunker::{Cutter, Layout};

/// Cuts the source until it ends or nobody wants more chunks. Holds a chunk and, beside the window, 256 KiB of a
/// compressed source.
pub(super) fn read(
    plan: Plan,
    options: &Options,
    mut pieces: Pieces,
    batches: &mut Batches,
) -> Result<(), IngestError> {
    let layout = match plan {
        Plan::Plain => Layout::Plain,
        Plan::ZstdTar => Layout::Tar,
    };
    // A source that broke off has ended the ingest by itself.
    let mut next = || pieces.next_piece().ok().flatten();
    let mut cutter = Cutter::new(options.params, layout);
    let mut push = |bytes: &[u8]| {
        cutter.push(bytes, &mut |chunk| batches.push(chunk)).map_err(IngestError::NotATar)?;
        Ok(!batches.closed())
    };
    match plan {
        Plan::Plain => {
            while let Some(piece) = next() {
                if !push(&piece)? {
                    break;
                }
            }
        }
        Plan::ZstdTar => Unfolder::new(next, options.guards).run(push)?,
    }
    cutter.finish(&mut |chunk| batches.push(chunk)).map_err(IngestError::NotATar)
}
