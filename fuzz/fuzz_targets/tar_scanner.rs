//! A stream taken for a tar is refused, or cut into itself, and the same however it is sliced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::chunker::{CutError, Cutter, Layout, Params};

fn cut(bytes: &[u8], slice: usize) -> Result<Vec<Vec<u8>>, CutError> {
    let params = Params::new(64, 128, 512, 600).expect("lengths that rise");
    let mut chunks = Vec::new();
    let mut cutter = Cutter::new(params, Layout::Tar);
    for slice in bytes.chunks(slice) {
        cutter.push(slice, &mut |chunk| chunks.push(chunk.to_vec()))?;
    }
    cutter.finish(&mut |chunk| chunks.push(chunk.to_vec()))?;
    Ok(chunks)
}

/// Makes headers of the blocks that begin with an odd byte, for no fuzzer guesses a checksum.
fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[0] & 1 == 1) {
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    }
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = &seal(bytes);
    let whole = cut(bytes, bytes.len().max(1));
    let sliced = cut(bytes, 97);
    match (whole, sliced) {
        (Ok(whole), Ok(sliced)) => {
            assert_eq!(whole.concat(), *bytes);
            assert!(whole.iter().all(|chunk| (1..=512).contains(&chunk.len())));
            assert_eq!(whole, sliced);
        }
        (Err(_), Err(_)) => {}
        _ => panic!("slices made a difference"),
    }
});
