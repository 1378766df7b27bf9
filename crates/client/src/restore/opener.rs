//! Frames to chunks, none of which is believed before it, or what it is a part of, was hashed.

use snowbank_cas::frame::{Decoder, FrameError};
use snowbank_cas::id::ChunkHash;
use tokio::runtime::Handle;

use super::PackSource;
use super::index::{Frame, Loss};
use super::reader::{Part, Reader};
use super::report::Reason;
use crate::text;

/// Opens frames one after the other; holds one chunk. For threads that may wait.
pub(super) struct Opener {
    decoder: Decoder,
    chunk: Vec<u8>,
    check: bool,
}

impl Opener {
    /// Chunks need not be checked where what they make is: what went wrong on the way zstd's own sum tells.
    pub(super) fn new(check: bool) -> Result<Self, FrameError> {
        Ok(Self { decoder: Decoder::new()?, chunk: Vec::new(), check })
    }

    /// The chunk of `frame`, which is in one of `parts`. What is damaged is fetched once more, by itself.
    pub(super) fn open<P: PackSource>(
        &mut self,
        reader: &Reader<P>,
        frame: &Frame,
        parts: &[Part],
    ) -> Result<&[u8], Loss> {
        if self.decode(frame, find(frame, parts)?).is_err() {
            let range = frame.offset..frame.offset + frame.stored_len;
            let again = Handle::current().block_on(reader.read(frame.pack, range))?;
            self.decode(frame, &again).map_err(|why| (Reason::Damaged, why))?;
        }
        Ok(&self.chunk)
    }

    /// The chunk that was opened last.
    pub(super) fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    fn decode(&mut self, frame: &Frame, bytes: &[u8]) -> Result<(), String> {
        let decoded = self.decoder.decode_into(bytes, frame.raw_len, &mut self.chunk);
        decoded.map_err(|error| text::chain(&error))?;
        match !self.check || ChunkHash::of(&self.chunk) == frame.chunk {
            true => Ok(()),
            false => Err("a chunk has another hash".to_owned()),
        }
    }
}

/// The bytes of a frame among those that were fetched.
fn find<'a>(frame: &Frame, parts: &'a [Part]) -> Result<&'a [u8], Loss> {
    let behind = parts.partition_point(|part| (part.pack, part.start) <= (frame.pack, frame.offset));
    let lost = || (Reason::Damaged, "a frame was not fetched".to_owned());
    let part = behind.checked_sub(1).and_then(|at| parts.get(at)).ok_or_else(lost)?;
    let bytes = part.bytes.as_ref().map_err(Clone::clone)?;
    let start = (frame.offset - part.start) as usize;
    bytes.get(start..start + frame.stored_len as usize).ok_or_else(lost)
}
