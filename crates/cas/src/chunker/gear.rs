//! The gear hash: one shift and one addition a byte, over a window of 64 bytes.

/// How many bytes back the hash remembers: each byte's share is shifted out after so many steps.
pub(super) const WINDOW: usize = 64;

/// Bytes that [`seek`] takes in one step.
const STEP: usize = 4;

/// A random number for each value of a byte, shifted as the first, second, third and last byte of a step need it.
static GEAR: [[u64; 256]; STEP] = [table(3), table(2), table(1), table(0)];

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

/// A condition that one position in `1 << bits` meets: `bits` zeros near the top of the hash, where most bytes
/// of the window have a share. The topmost three bits are left out because [`seek`] looks at hashes that were
/// shifted up to three times too often.
pub(super) const fn mask(bits: u32) -> u64 {
    ((1 << bits) - 1) << (u64::BITS - (STEP as u32 - 1) - bits)
}

/// The hash after `bytes`.
pub(super) fn roll(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash << 1).wrapping_add(GEAR[STEP - 1][usize::from(byte)]))
}

/// Rolls over `bytes` until the hash meets `mask`: how many bytes that took, or `None` when none of them did.
/// Afterwards `hash` stands behind the last byte, or is worthless if there was a cut.
pub(super) fn seek(hash: &mut u64, bytes: &[u8], mask: u64) -> Option<usize> {
    let mut h = *hash;
    let (steps, tail) = bytes.as_chunks::<STEP>();
    for (i, step) in steps.iter().enumerate() {
        // Only one shift and one addition of each step wait for the step before: the sum of the bytes' own
        // numbers does not.
        let base = h << STEP;
        let mut sum = 0u64;
        for (j, &byte) in step.iter().enumerate() {
            sum = sum.wrapping_add(GEAR[j][usize::from(byte)]);
            h = base.wrapping_add(sum);
            if h & (mask << (STEP - 1 - j)) == 0 {
                return Some(i * STEP + j + 1);
            }
        }
    }
    for (i, &byte) in tail.iter().enumerate() {
        h = roll(h, &[byte]);
        if h & mask == 0 {
            return Some(steps.len() * STEP + i + 1);
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
        fn steps_give_what_bytes_give(
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
        let bytes: Vec<u8> = GEAR[STEP - 1].iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(blake3::hash(&bytes).to_hex()[..16], *"3974eced08052bb3");
    }
}
