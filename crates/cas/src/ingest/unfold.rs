//! Decompressing an archive that nobody vouches for.

use bytes::{Buf, Bytes};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{GuardError, Guards, IngestError};
use crate::zstd_guard::{HEADER_MAX, Inspected, inspect};

/// Bytes that are decompressed at once.
const STEP: usize = 256 << 10;

/// Decompresses frames one after another. Holds a step and the frame's window.
pub(super) struct Unfolder<F> {
    pieces: F,
    input: Bytes,
    guards: Guards,
    compressed: u64,
    raw: u64,
}

impl<F: FnMut() -> Option<Bytes>> Unfolder<F> {
    /// Over the source that `pieces` hands out piece by piece.
    pub(super) fn new(pieces: F, guards: Guards) -> Self {
        Self { pieces, input: Bytes::new(), guards, compressed: 0, raw: 0 }
    }

    /// Hands the content of the whole source to `sink`, until that says false.
    pub(super) fn run(
        mut self,
        mut sink: impl FnMut(&[u8]) -> Result<bool, IngestError>,
    ) -> Result<(), IngestError> {
        let mut context = self.context()?;
        let mut step = vec![0; STEP];
        loop {
            if !self.begin()? {
                return Ok(());
            }
            let mut drained = true;
            loop {
                if self.input.is_empty() && drained && !self.refill() {
                    return Err(GuardError::CutOff.into());
                }
                let (mut from, mut to) =
                    (InBuffer::around(&self.input), OutBuffer::around(step.as_mut_slice()));
                let hint = context
                    .decompress_stream(&mut to, &mut from)
                    .map_err(|code| GuardError::Damaged(get_error_name(code)))?;
                let (read, made) = (from.pos(), to.pos());
                self.input.advance(read);
                self.count(read, made)?;
                drained = made < STEP;
                if !sink(&step[..made])? {
                    return Ok(());
                }
                if hint == 0 {
                    break;
                }
            }
        }
    }

    fn context(&self) -> Result<DCtx<'static>, GuardError> {
        let mut context = DCtx::try_create().ok_or(GuardError::Damaged("out of memory"))?;
        // The header was read before; this holds even if it was read wrongly.
        let log = self.guards.window.max(1024).next_power_of_two().ilog2().min(31);
        context
            .set_parameter(DParameter::WindowLogMax(log))
            .map_err(|code| GuardError::Damaged(get_error_name(code)))?;
        Ok(context)
    }

    /// Looks at the next frame's header. False at the source's end.
    fn begin(&mut self) -> Result<bool, GuardError> {
        while self.input.len() < HEADER_MAX {
            let held = self.input.clone();
            if !self.refill() {
                break;
            }
            if !held.is_empty() {
                self.input = [held, self.input.clone()].concat().into();
            }
        }
        if self.input.is_empty() && self.compressed > 0 {
            return Ok(false);
        }
        match inspect(&self.input) {
            Inspected::Frame(header) if header.dictionary.is_some() => Err(GuardError::Dictionary),
            Inspected::Frame(header) if header.window > self.guards.window => {
                Err(GuardError::Window(header.window))
            }
            Inspected::Frame(_) | Inspected::Skippable { .. } => Ok(true),
            Inspected::Incomplete if self.compressed > 0 => Err(GuardError::CutOff),
            Inspected::Incomplete | Inspected::Other => Err(GuardError::NotZstd(self.compressed)),
        }
    }

    /// Fetches the next piece. False at the source's end, where the input stays as it is.
    fn refill(&mut self) -> bool {
        loop {
            match (self.pieces)() {
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    self.input = piece;
                    return true;
                }
                None => return false,
            }
        }
    }

    fn count(&mut self, read: usize, made: usize) -> Result<(), GuardError> {
        self.compressed += read as u64;
        self.raw += made as u64;
        let (compressed, raw) = (self.compressed, self.raw);
        if raw > self.guards.raw_size {
            return Err(GuardError::RawSize(self.guards.raw_size));
        }
        if raw > compressed.saturating_mul(self.guards.ratio).saturating_add(self.guards.allowance) {
            return Err(GuardError::Ratio { compressed, raw });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::contract::noise;

    fn unfold(source: &[u8], piece: usize, guards: Guards) -> Result<Vec<u8>, IngestError> {
        let mut pieces = source.chunks(piece.max(1)).map(Bytes::copy_from_slice);
        let mut content = Vec::new();
        Unfolder::new(|| pieces.next(), guards).run(|bytes| {
            content.extend_from_slice(bytes);
            Ok(true)
        })?;
        Ok(content)
    }

    fn guard(source: &[u8], guards: Guards) -> GuardError {
        match unfold(source, 1000, guards) {
            Err(IngestError::Guard(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn compressed(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 3).unwrap()
    }

    #[test]
    fn frames_and_skippable_frames_in_a_row_are_one_content() {
        let (first, second) = (noise(1, 700_000), vec![3; 900_000]);
        let skippable = [&0x184d_2a50_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"notes"].concat();
        let source = [&skippable[..], &compressed(&first), &skippable, &compressed(&second)].concat();
        for piece in [1, 17, 5000, source.len()] {
            assert!(unfold(&source, piece, Guards::default()).unwrap() == [&first[..], &second].concat());
        }
    }

    #[test]
    fn what_is_no_zstd_or_followed_by_something_else_is_refused() {
        let mut source = compressed(b"content");
        assert_eq!(guard(b"plain text, longer than a header", Guards::default()), GuardError::NotZstd(0));
        assert_eq!(guard(b"", Guards::default()), GuardError::NotZstd(0));
        let end = source.len() as u64;
        source.extend_from_slice(b"garbage that is longer than a header");
        assert_eq!(guard(&source, Guards::default()), GuardError::NotZstd(end));
    }

    #[test]
    fn a_cut_off_source_is_refused_wherever_it_ends() {
        let source = compressed(&noise(2, 5000));
        for end in 5..source.len() {
            let error = guard(&source[..end], Guards::default());
            assert!(matches!(error, GuardError::CutOff | GuardError::NotZstd(0)), "{end}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_refused_after_its_allowance() {
        let guards = Guards { allowance: 1 << 20, ..Guards::default() };
        let bomb = compressed(&vec![0; 64 << 20]);
        assert!(matches!(guard(&bomb, guards), GuardError::Ratio { raw, .. } if raw < 4 << 20));
        let guards = Guards { raw_size: 100, ..Guards::default() };
        assert_eq!(guard(&compressed(&[0; 101]), guards), GuardError::RawSize(100));
        assert!(unfold(&compressed(&[0; 100]), 9, guards).is_ok());
    }

    #[test]
    fn a_large_window_is_refused_by_its_header() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(30).unwrap();
        std::io::Write::write_all(&mut encoder, b"little").unwrap();
        let source = encoder.finish().unwrap();
        assert_eq!(guard(&source, Guards::default()), GuardError::Window(1 << 30));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(start in any::<bool>(), bytes: Vec<u8>, piece in 1_usize..50) {
            let magic: &[u8] = if start { &[0x28, 0xb5, 0x2f, 0xfd] } else { &[] };
            let _ = unfold(&[magic, &bytes].concat(), piece, Guards { raw_size: 1 << 20, ..Guards::default() });
        }

        #[test]
        fn a_damaged_byte_never_panics(at in 0_usize..2000, mask in 1_u8..) {
            let mut source = compressed(&noise(3, 2000).repeat(3));
            let at = at % source.len();
            source[at] ^= mask;
            let _ = unfold(&source, 100, Guards { raw_size: 1 << 20, ..Guards::default() });
        }
    }
}
