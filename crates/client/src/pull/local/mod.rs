//! Chunks that files of the local store hold.
//!
//! A NAR is cut where a larger file begins and ends, so the chunks of a file depend on nothing but its content: a file
//! that is cut alone gives the chunks that it has in any NAR.

pub(super) mod frame;
mod search;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use snowbank_cas::id::ChunkHash;

use super::layout::Origin;
pub(super) use search::Search;

/// Chunks of local files that are wanted.
#[derive(Debug, Default)]
pub(super) struct Local {
    pub(super) files: Vec<PathBuf>,
    /// Each with its file, by number, and where it begins in that.
    pub(super) chunks: HashMap<ChunkHash, Origin>,
}

impl Local {
    /// Puts the frame of a chunk behind `row`. Whether it still is that chunk is for the reader to see.
    pub(super) fn frame(&self, origin: Origin, raw_len: u32, row: &mut Vec<u8>) -> io::Result<()> {
        let path = self.files.get(origin.of as usize).ok_or(io::ErrorKind::NotFound)?;
        let mut chunk = vec![0; raw_len as usize];
        File::open(path)?.read_exact_at(&mut chunk, origin.start)?;
        frame::append(&chunk, row);
        Ok(())
    }
}
