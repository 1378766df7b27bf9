//! The gear hash: one shift and one addition a byte, over a window of 64 bytes.

/// How many bytes back the hash remembers: each byte's share is shifted out after so many steps.
pub(super) const WINDOW: usize = 64;

/// A random number for each value of a byte.
static GEAR: [u64; 256] = table(0);

/// The same numbers, shifted as the first byte of a pair needs them.
static GEAR_SHIFTED: [u64; 256] = table(1);

/// The table by SplitMix64 from a fixed seed. Changing it changes every cut: see [`super::VERSION`].
const fn table(shift: u32) -> [u64; 256] {
    let mut table = [0; 256];
    let mut state: u64 = 0x536e_6f77_6261_6e6b;
    let mut i = 0;
    while i < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[i] = (z ^ (z >> 31)) << shift;
        i += 1;
    }
    table
}

/// A condition that one position in `1 << bits` meets: `bits` zeros at the top of the hash, where all bytes of
/// the window have a share. The topmost bit is left out because [`seek`] looks at odd positions one shift late.
pub(super) const fn mask(bits: u32) -> u64 {
    ((1 << bits) - 1) << (63 - bits)
}

/// The hash after `bytes`.
pub(super) fn roll(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash << 1).wrapping_add(GEAR[usize::from(byte)]))
}

/// Rolls over `bytes` until the hash meets `mask`: how many bytes that took, or `None` when none of them did.
/// Afterwards `hash` stands behind the last byte, or is worthless if there was a cut.
pub(super) fn seek(hash: &mut u64, bytes: &[u8], mask: u64) -> Option<usize> {
    let mut h = *hash;
    let late = mask << 1;
    let (words, tail) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // Two bytes a step: only one shift and one addition of each pair wait for the step before.
        for (j, pair) in word.as_chunks::<2>().0.iter().enumerate() {
            let first = GEAR_SHIFTED[usize::from(pair[0])];
            let second = GEAR[usize::from(pair[1])];
            let odd = (h << 2).wrapping_add(first);
            h = (h << 2).wrapping_add(first.wrapping_add(second));
            if odd & late == 0 {
                return Some(i * 8 + j * 2 + 1);
            }
            if h & mask == 0 {
                return Some(i * 8 + j * 2 + 2);
            }
        }
    }
    for (i, &byte) in tail.iter().enumerate() {
        h = (h << 1).wrapping_add(GEAR[usize::from(byte)]);
        if h & mask == 0 {
            return Some(words.len() * 8 + i + 1);
        }
    }
    *hash = h;
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seek_bytewise(mut hash: u64, bytes: &[u8], mask: u64) -> Option<usize> {
        for (i, byte) in bytes.iter().enumerate() {
            hash = roll(hash, &[*byte]);
            if hash & mask == 0 {
                return Some(i + 1);
            }
        }
        None
    }

    proptest! {
        #[test]
        fn pairs_give_what_bytes_give(
            start: u64,
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            bits in 1..12u32,
        ) {
            let mut hash = start;
            let found = seek(&mut hash, &bytes, mask(bits));
            prop_assert_eq!(found, seek_bytewise(start, &bytes, mask(bits)));
            if found.is_none() {
                prop_assert_eq!(hash, roll(start, &bytes));
            }
        }

        #[test]
        fn the_hash_forgets_what_lies_before_the_window(
            a: u64,
            b: u64,
            window in proptest::collection::vec(any::<u8>(), WINDOW),
        ) {
            prop_assert_eq!(roll(a, &window), roll(b, &window));
        }
    }

    #[test]
    fn a_run_of_one_byte_never_meets_the_condition() {
        for byte in [0, 0x20, 0xff] {
            assert_eq!(seek(&mut 0, &vec![byte; 1 << 16], mask(15)), None, "byte {byte}");
        }
    }

    #[test]
    fn the_table_is_that_of_this_version() {
        let bytes: Vec<u8> = GEAR.iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(blake3::hash(&bytes).to_hex()[..16], *"0000000000000000");
    }
}
