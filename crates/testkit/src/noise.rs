//! Bytes that nothing can compress or share.

/// So many bytes without a pattern; the same `seed` gives the same bytes.
#[must_use]
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    // xorshift, which zero would stop.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_its_bytes() {
        assert_eq!(noise(1001, 7), noise(1001, 7));
        assert_ne!(noise(1001, 7), noise(1001, 8));
        assert_eq!(noise(1001, 7).len(), 1001);
    }
}
