//! What a manifest says for people of a layer: its name, and the store paths in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use snowbank_nix::store_path::{StorePath, StorePathError};

use super::{NAME_ANNOTATION, PATHS_ANNOTATION};
use crate::descriptor::Descriptor;
use crate::layer::LayerSpec;

/// Bytes of a list that is written as it is; a longer one is compressed.
const MOST_RAW: usize = 4 << 10;
/// Bytes of a list, and so the memory that reading one takes beside its paths.
const MOST_LIST: usize = 4 << 20;
/// Paths of a list.
const MOST_PATHS: usize = 100_000;
/// Bytes of all lists of a manifest, for which registries take 4 MiB.
const MOST_OF_ALL: usize = 1 << 20;
/// Bytes of a layer's name.
const MOST_NAME: usize = 256;
/// What a compressed list begins with; no store path has a colon.
const COMPRESSED: &str = "zstd:";
const LEVEL: i32 = 3;

/// Text that is no list of store paths.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// Not base64.
    #[error("the list of store paths is not base64")]
    Base64(#[from] base64::DecodeError),
    /// Not zstd.
    #[error("the list of store paths cannot be decompressed")]
    Zstd(#[source] std::io::Error),
    /// Not text.
    #[error("the list of store paths is no text")]
    Text(#[source] std::string::FromUtf8Error),
    /// Too long.
    #[error("the list of store paths has more than {MOST_LIST} bytes or {MOST_PATHS} paths")]
    TooLong,
    /// Something else than a path.
    #[error("the list of store paths has what is none")]
    Path(#[from] StorePathError),
}

/// What the annotation [`PATHS_ANNOTATION`] says of these paths: the base names, a line each, in their order; under zstd and
/// base64 behind `zstd:` where that would be more than 4 KiB. Equal paths make equal text, with one release of zstd. Nothing
/// for no path, and for more than can be read again.
#[must_use]
pub fn encode_paths(paths: &BTreeSet<&StorePath>) -> Option<String> {
    let names: Vec<&str> = paths.iter().map(|path| path.base_name()).collect();
    let list = names.join("\n");
    if names.is_empty() || names.len() > MOST_PATHS || list.len() > MOST_LIST {
        return None;
    }
    if list.len() <= MOST_RAW {
        return Some(list);
    }
    let compressed = zstd::bulk::compress(list.as_bytes(), LEVEL).ok()?;
    Some(format!("{COMPRESSED}{}", STANDARD.encode(compressed))).filter(|text| text.len() <= MOST_LIST)
}

/// Reads what [`encode_paths`] has written.
///
/// # Errors
/// When it is something else, or more than 4 MiB or 100 000 paths.
pub fn decode_paths(text: &str) -> Result<Vec<StorePath>, PathsError> {
    if text.len() > MOST_LIST {
        return Err(PathsError::TooLong);
    }
    let unpacked;
    let list = match text.strip_prefix(COMPRESSED) {
        None => text,
        Some(packed) => {
            unpacked = unpack(&STANDARD.decode(packed)?)?;
            &unpacked
        }
    };
    let mut paths = Vec::new();
    for name in list.split('\n') {
        if paths.len() == MOST_PATHS {
            return Err(PathsError::TooLong);
        }
        paths.push(name.parse()?);
    }
    Ok(paths)
}

fn unpack(packed: &[u8]) -> Result<String, PathsError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(PathsError::Zstd)?;
    // The window is no larger than what may come of it: 4 MiB.
    decoder.window_log_max(MOST_LIST.ilog2()).map_err(PathsError::Zstd)?;
    let mut list = Vec::new();
    decoder.take(MOST_LIST as u64 + 1).read_to_end(&mut list).map_err(PathsError::Zstd)?;
    if list.len() > MOST_LIST {
        return Err(PathsError::TooLong);
    }
    String::from_utf8(list).map_err(PathsError::Text)
}

/// Says of layers of store paths what is in them. Where the lists together would have more than 1 MiB, the longest are left out.
pub(super) fn add_paths(layers: &mut [Descriptor], specs: &[Option<&LayerSpec>]) {
    let lists = specs.iter().enumerate().filter_map(|(at, spec)| {
        let paths = (*spec)?.paths.iter().map(|path| &path.path).collect();
        Some((at, encode_paths(&paths)?))
    });
    let mut lists: Vec<(usize, String)> = lists.collect();
    lists.sort_by_key(|(at, list)| (list.len(), *at));
    let mut left = MOST_OF_ALL;
    for (at, list) in lists {
        let Some(rest) = left.checked_sub(list.len()) else { break };
        left = rest;
        if let Some(layer) = layers.get_mut(at) {
            layer.annotations.insert(PATHS_ANNOTATION.to_owned(), list);
        }
    }
}

/// Says of a layer what people call it, where that is short and plain.
pub(super) fn add_name(annotations: &mut BTreeMap<String, String>, name: &str) {
    if plain_name(name) {
        annotations.insert(NAME_ANNOTATION.to_owned(), name.to_owned());
    }
}

/// Whether a text may be shown as a layer's name: it has 1 to 256 bytes, and no control characters, which terminals obey.
#[must_use]
pub fn plain_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_NAME && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::descriptor::media_type;
    use crate::samples::describe;

    fn paths(count: usize) -> BTreeSet<StorePath> {
        (0..count).map(|at| format!("h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-p{at:06}").parse().unwrap()).collect()
    }

    fn encode(paths: &BTreeSet<StorePath>) -> Option<String> {
        encode_paths(&paths.iter().collect())
    }

    #[test]
    fn short_lists_can_be_read_by_people_and_long_ones_are_compressed() {
        assert_eq!(encode(&paths(0)), None);
        let two = paths(2);
        let base = "h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx";
        assert_eq!(encode(&two).unwrap(), format!("{base}-p000000\n{base}-p000001"));
        let many = paths(5000);
        let text = encode(&many).unwrap();
        assert!(text.starts_with(COMPRESSED) && text.len() < 100_000, "{}", text.len());
        assert!(decode_paths(&text).unwrap().iter().eq(&many));
    }

    #[test]
    fn what_grows_too_much_is_refused() {
        let zeros = |count| {
            format!("{COMPRESSED}{}", STANDARD.encode(zstd::bulk::compress(&vec![0; count], 3).unwrap()))
        };
        assert!(matches!(decode_paths(&zeros(64 << 20)), Err(PathsError::Zstd(_) | PathsError::TooLong)));
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(20).unwrap();
        std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
        let endless = format!("{COMPRESSED}{}", STANDARD.encode(encoder.finish().unwrap()));
        assert!(matches!(decode_paths(&endless), Err(PathsError::TooLong)));
        assert_eq!(encode(&paths(MOST_PATHS + 1)), None);
    }

    #[test]
    fn the_longest_list_is_left_out_first() {
        let spec = |text: &str, count: usize| LayerSpec {
            paths: (0..count)
                .map(|at| {
                    let digest = crate::digest::Digest::of(format!("{text}{at}").as_bytes()).hex();
                    let hash: String =
                        digest.chars().take(32).map(|one| if one == 'e' { 'x' } else { one }).collect();
                    crate::layer::LayerPath {
                        path: format!("{hash}-{digest}").parse().unwrap(),
                        nar_hash: None,
                        options: crate::layer::PathOptions::default(),
                        part: None,
                    }
                })
                .collect(),
        };
        let (small, large) = (spec("a", 3), spec("b", 30_000));
        let mut layers = vec![describe(media_type::LAYER, b""); 3];
        add_paths(&mut layers, &[Some(&large), None, Some(&small)]);
        assert!(layers[0].annotations.is_empty() && layers[1].annotations.is_empty());
        assert_eq!(decode_paths(&layers[2].annotations[PATHS_ANNOTATION]).unwrap().len(), 3);
    }

    #[test]
    fn names_that_terminals_obey_are_none() {
        for (text, plain) in [("hello", true), ("", false), ("a\u{1b}[2J", false), (&"x".repeat(257), false)]
        {
            assert_eq!(plain_name(text), plain, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_written_is_read_again(
            paths in btree_set("[0-9a-df-np-sv-z]{32}-[a-z0-9+._?=-]{1,80}", 0..100)
        ) {
            let paths: BTreeSet<StorePath> = paths.iter().filter_map(|text| text.parse().ok()).collect();
            if let Some(text) = encode(&paths) {
                prop_assert!(decode_paths(&text).unwrap().iter().eq(&paths));
            } else {
                prop_assert!(paths.is_empty());
            }
        }

    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_paths(&text);
            let _ = decode_paths(&format!("{COMPRESSED}{}", STANDARD.encode(&bytes)));
            let mut packed = zstd::bulk::compress(&bytes, 3).unwrap();
            let _ = decode_paths(&format!("{COMPRESSED}{}", STANDARD.encode(&packed)));
            if let Some(last) = packed.last_mut() {
                *last ^= 1;
            }
            let _ = decode_paths(&format!("{COMPRESSED}{}", STANDARD.encode(&packed)));
        }
    }
}
