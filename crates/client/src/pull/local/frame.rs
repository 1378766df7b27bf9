//! Frames of chunks as they are: zstd with raw blocks only (RFC 8878, section 3.1.1), whose length is known beforehand.

/// The magic number of a frame.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// A content size of four bytes, one segment, no checksum, no dictionary.
const DESCRIPTOR: u8 = 0b1010_0000;

/// Bytes of the largest block.
const BLOCK: usize = 128 << 10;

/// Bytes of the frame of a chunk of `raw_len` bytes.
pub(in crate::pull) const fn length(raw_len: u32) -> u32 {
    let blocks = raw_len.div_ceil(BLOCK as u32);
    raw_len + 3 * if blocks == 0 { 1 } else { blocks } + MAGIC.len() as u32 + 1 + 4
}

/// Puts the frame of `chunk`, which has fewer than 4 GiB, behind `row`.
pub(in crate::pull) fn append(chunk: &[u8], row: &mut Vec<u8>) {
    row.extend(MAGIC);
    row.push(DESCRIPTOR);
    row.extend((chunk.len() as u32).to_le_bytes());
    let last = chunk.len().div_ceil(BLOCK).max(1);
    let blocks = chunk.chunks(BLOCK).chain(chunk.is_empty().then_some(&[][..]));
    for (block, number) in blocks.zip(1..) {
        let header = ((block.len() as u32) << 3) | u32::from(number == last);
        row.extend(&header.to_le_bytes()[..3]);
        row.extend(block);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snowbank_cas::frame::Decoder;

    use super::*;

    fn check(chunk: &[u8]) {
        let mut frame = Vec::new();
        append(chunk, &mut frame);
        assert_eq!(frame.len(), length(chunk.len() as u32) as usize);
        assert_eq!(zstd::decode_all(&*frame).unwrap(), chunk);
        if !chunk.is_empty() {
            assert_eq!(Decoder::new().unwrap().decode(&frame, chunk.len() as u32).unwrap(), chunk);
        }
    }

    #[test]
    fn every_length_has_a_frame() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 1 << 20, 8 << 20] {
            check(&snowbank_testkit::noise::noise(length, 1));
        }
    }

    proptest! {
        #[test]
        fn any_chunk_comes_out_as_it_went_in(chunk in prop::collection::vec(any::<u8>(), 0..2000)) {
            check(&chunk);
        }
    }
}
