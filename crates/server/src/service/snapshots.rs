//! Which packs a snapshot's index names, as far as a server must know: whoever uses an index uses its packs.

use std::io::{self, Read};

/// What the keys of packs begin with.
pub(super) const PACK_PREFIX: &str = "snowbank-pack-";

/// The key and the number of a generation, which is called `K#n`, counted from 1.
pub(super) fn generation(key: &str) -> Option<(&str, u64)> {
    let (series, number) = key.rsplit_once('#')?;
    let plain = !series.is_empty() && !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    plain.then_some((series, number.parse().ok()?))
}

/// Whether an entry's key is what a lookup of the primary key `asked` meant: that key itself, or for `K#` a generation of
/// that series.
pub(super) fn is_meant(asked: &str, key: &str) -> bool {
    let series = |asked: &str| generation(key).is_some_and(|(series, _)| series == asked);
    key == asked || asked.strip_suffix('#').is_some_and(series)
}

/// Bytes of the largest index.
pub(super) const MAX_INDEX: u64 = 129 << 20;

/// Bytes of an index that are looked at: it names its packs first, in some 90 bytes each.
pub(super) const LOOKED_AT: u64 = 1 << 20;

const MAGIC: &[u8] = b"SNOWINDX";

/// Magic, version, size and hash of the message.
const HEADER: usize = 8 + 4 + 8 + 32;

/// The layout that is known.
const VERSION: u32 = 1;

/// Logarithm of the bytes that a decoder may look back: 8 MiB.
const WINDOW: u32 = 23;

/// Packs of one index at most.
const MOST: usize = 10_000;

/// Bytes of the longest field before the packs end.
const MAX_FIELD: u64 = 4096;

/// The keys of the packs that an index names which begins so; none for what is no index. What comes later in an index,
/// and its hash, is not looked at: what is found decides when something goes, and nothing else.
#[must_use]
pub fn packs_of_index(beginning: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    let Some((header, message)) = beginning.split_at_checked(HEADER) else { return keys };
    if !header.starts_with(MAGIC) || header[8..12] != VERSION.to_le_bytes() {
        return keys;
    }
    let Ok(mut message) = zstd::stream::read::Decoder::with_buffer(message) else { return keys };
    if message.window_log_max(WINDOW).is_err() {
        return keys;
    }
    // An end in the middle ends the packs.
    while keys.len() < MOST
        && let Ok(Some(field)) = next_field(&mut message)
    {
        match field {
            (3, Value::Bytes(pack)) => keys.extend(pack_key(&pack)),
            (1 | 2, _) => {}
            _ => break,
        }
    }
    keys
}

/// The key of a pack's entry, of the message that names it.
fn pack_key(mut message: &[u8]) -> Option<String> {
    let (mut hash, mut copy) = (None, 0);
    while let Some(field) = next_field(&mut message).ok()? {
        match field {
            (1, Value::Bytes(bytes)) if bytes.len() == 32 => hash = Some(hex::encode(bytes)),
            (5, Value::Number(number)) => copy = number,
            _ => {}
        }
    }
    let hash = hash?;
    Some(if copy == 0 { format!("{PACK_PREFIX}{hash}") } else { format!("{PACK_PREFIX}{hash}-{copy}") })
}

enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The next field of a protobuf message, by its number; none at the end.
fn next_field(from: &mut impl Read) -> io::Result<Option<(u64, Value)>> {
    let Some(tag) = number(from)? else { return Ok(None) };
    let odd = || io::Error::from(io::ErrorKind::InvalidData);
    let value = number(from)?.ok_or_else(odd)?;
    match tag & 7 {
        0 => Ok(Some((tag >> 3, Value::Number(value)))),
        2 if value <= MAX_FIELD => {
            let mut bytes = vec![0; value as usize];
            from.read_exact(&mut bytes)?;
            Ok(Some((tag >> 3, Value::Bytes(bytes))))
        }
        _ => Err(odd()),
    }
}

/// A varint; none at the end.
fn number(from: &mut impl Read) -> io::Result<Option<u64>> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        match from.read_exact(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && shift == 0 => return Ok(None),
            read => read?,
        }
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(number));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn only_numbers_make_generations() {
        assert_eq!(generation("a#1"), Some(("a", 1)));
        assert_eq!(generation("a#b#20"), Some(("a#b", 20)));
        for key in ["a", "#1", "a#", "a#0", "a#01", "a#x", "a#-1", "a#99999999999999999999"] {
            assert_eq!(generation(key), None, "{key}");
        }
    }

    #[test]
    fn who_asks_for_a_series_means_its_generations() {
        assert!(is_meant("nix", "nix") && is_meant("nix#", "nix#12") && is_meant("nix#", "nix#"));
        for (asked, key) in
            [("nix", "nix#1"), ("nix#", "nix#x"), ("nix#", "nix#1#2"), ("ni#", "nix#1"), ("nix#1", "nix#12")]
        {
            assert!(!is_meant(asked, key), "{asked} {key}");
        }
    }

    #[derive(Clone, PartialEq, Message)]
    struct Index {
        #[prost(string, tag = "1")]
        dir: String,
        #[prost(string, tag = "2")]
        run: String,
        #[prost(message, repeated, tag = "3")]
        packs: Vec<Pack>,
        #[prost(bytes = "vec", repeated, tag = "4")]
        paths: Vec<Vec<u8>>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Pack {
        #[prost(bytes = "vec", tag = "1")]
        hash: Vec<u8>,
        #[prost(uint64, tag = "2")]
        size: u64,
        #[prost(uint32, tag = "5")]
        copy: u32,
    }

    fn wrapped(message: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 40]);
        bytes.extend(zstd::bulk::compress(message, 1).unwrap());
        bytes
    }

    proptest! {
        #[test]
        fn the_packs_are_found_and_a_beginning_names_the_first_of_them(
            copies in prop::collection::vec((any::<[u8; 32]>(), any::<u64>(), 0..3u32), 0..50),
            cut: prop::sample::Index,
        ) {
            let pack = |&(hash, size, copy): &([u8; 32], u64, u32)| Pack { hash: hash.to_vec(), size, copy };
            let packs: Vec<_> = copies.iter().map(pack).collect();
            let paths = vec![vec![7; 300]; 20];
            let index = Index { dir: "/nix/store".into(), run: "1".into(), packs, paths };
            let bytes = wrapped(&index.encode_to_vec());
            let key = |(hash, _, copy): &([u8; 32], u64, u32)| match copy {
                0 => format!("snowbank-pack-{}", hex::encode(hash)),
                copy => format!("snowbank-pack-{}-{copy}", hex::encode(hash)),
            };
            let keys: Vec<_> = copies.iter().map(key).collect();
            prop_assert_eq!(&packs_of_index(&bytes), &keys);
            let some = packs_of_index(&bytes[..cut.index(bytes.len())]);
            prop_assert!(keys.starts_with(&some));
        }

        #[test]
        fn arbitrary_bytes_name_packs_or_none(bytes: Vec<u8>) {
            prop_assert!(packs_of_index(&bytes).is_empty());
            let _ = packs_of_index(&wrapped(&bytes));
        }
    }
}
