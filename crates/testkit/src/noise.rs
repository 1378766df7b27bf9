//! Bytes that nothing can compress or share.

/// Numbers without a pattern; the same seed gives the same ones.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // xorshift, which zero would stop.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn next_word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        // The low bits of neighbouring seeds are alike at first.
        ((self.next_word() >> 16) % bound as u64) as usize
    }
}

/// So many bytes without a pattern; the same `seed` gives the same bytes.
#[must_use]
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&noise.next_word().to_le_bytes());
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
