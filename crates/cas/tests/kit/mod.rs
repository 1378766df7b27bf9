//! What several tests of the formats need.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "every test takes what it needs")]

use snowbank_cas::chunker::{CutError, Cutter, Layout, Params};
use snowbank_cas::id::ChunkHash;

/// `len` bytes that look random, always the same for a seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Lengths that make many chunks of few bytes.
pub fn small() -> Params {
    Params::new(64, 256, 2048, 1024).unwrap()
}

/// The chunks of `bytes`, pushed in slices that end at `ends` and at the end.
pub fn cut_at(
    params: Params,
    layout: Layout,
    bytes: &[u8],
    ends: &[usize],
) -> Result<Vec<Vec<u8>>, CutError> {
    let mut chunks = Vec::new();
    let mut cutter = Cutter::new(params, layout);
    let mut ends: Vec<usize> = ends.iter().map(|end| end % (bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    for pair in ends.windows(2) {
        cutter.push(&bytes[pair[0]..pair[1]], &mut |chunk| chunks.push(chunk.to_vec()))?;
    }
    cutter.finish(&mut |chunk| chunks.push(chunk.to_vec()))?;
    Ok(chunks)
}

/// The chunks of `bytes`, pushed at once.
pub fn cut(params: Params, layout: Layout, bytes: &[u8]) -> Result<Vec<Vec<u8>>, CutError> {
    cut_at(params, layout, bytes, &[])
}

/// The hashes of the chunks of `bytes` as a stream of its own.
pub fn chunk_hashes(params: Params, layout: Layout, bytes: &[u8]) -> Vec<ChunkHash> {
    cut(params, layout, bytes).unwrap().iter().map(|chunk| ChunkHash::of(chunk)).collect()
}
