//! Keys and versions: what a client may ask for. Their meaning (exact, else prefix) is the catalog's.

use crate::limits::{KEY_UNITS, LOOKUP_KEYS, VERSION_BYTES};

/// Why a key or a version is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is empty.
    #[error("the key is empty")]
    Empty,
    /// Longer than [`KEY_UNITS`].
    #[error(
        "the key has {units} characters (UTF-16 code units), and {KEY_UNITS} are the most a key may have"
    )]
    TooLong {
        /// Its length.
        units: usize,
    },
    /// It contains a comma, which separates keys in the older protocol.
    #[error("the key contains a comma")]
    Comma,
    /// It contains a NUL character, which no database keeps.
    #[error("the key contains a NUL character")]
    Nul,
    /// More than [`LOOKUP_KEYS`] different keys.
    #[error("the lookup names more than {LOOKUP_KEYS} keys, the primary one included")]
    TooMany,
    /// The version is empty, longer than [`VERSION_BYTES`], or contains a NUL character.
    #[error("the version has {bytes} bytes or holds a NUL character; 1 to {VERSION_BYTES} bytes are allowed")]
    Version {
        /// Its length.
        bytes: usize,
    },
}

/// Checks a key, whether it is saved or looked up: 1 to 512 UTF-16 code units and no comma. Anything else is
/// free.
pub fn validate_key(key: &str) -> Result<(), KeyError> {
    // A key has at least a third as many UTF-16 units as bytes: what is longer need not be counted.
    let units = if key.len() > 3 * KEY_UNITS { key.len() / 3 } else { key.encode_utf16().count() };
    match key {
        "" => Err(KeyError::Empty),
        _ if units > KEY_UNITS || key.len() > 3 * KEY_UNITS => Err(KeyError::TooLong { units }),
        _ if key.contains(',') => Err(KeyError::Comma),
        _ if key.contains('\0') => Err(KeyError::Nul),
        _ => Ok(()),
    }
}

/// Checks a version: opaque, 1 to 512 bytes.
pub fn validate_version(version: &str) -> Result<(), KeyError> {
    match version.len() {
        1..=VERSION_BYTES if !version.contains('\0') => Ok(()),
        bytes => Err(KeyError::Version { bytes }),
    }
}

/// The keys of a lookup in the order in which they are tried: the primary key, then the restore keys.
///
/// buildkit and magic-nix-cache repeat the primary key among the restore keys, so a key that was named before is
/// passed over and does not count; so is an empty one, which would match whatever is newest.
pub fn lookup_keys<'a>(
    primary: &str,
    restore_keys: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>, KeyError> {
    validate_key(primary)?;
    let mut keys = vec![primary.to_owned()];
    for key in restore_keys {
        if key.is_empty() || keys.iter().any(|known| known == key) {
            continue;
        }
        validate_key(key)?;
        if keys.len() == LOOKUP_KEYS {
            return Err(KeyError::TooMany);
        }
        keys.push(key.to_owned());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_utf16_units() {
        assert_eq!(validate_key(&"k".repeat(512)), Ok(()));
        assert_eq!(validate_key(&"k".repeat(513)), Err(KeyError::TooLong { units: 513 }));
        assert_eq!(validate_key(&"❄".repeat(512)), Ok(()), "three bytes, one unit");
        assert_eq!(validate_key(&"🧊".repeat(256)), Ok(()), "four bytes, two units");
        assert_eq!(validate_key(&"🧊".repeat(257)), Err(KeyError::TooLong { units: 514 }));
        assert!(matches!(validate_key(&"k".repeat(1 << 20)), Err(KeyError::TooLong { .. })));
    }

    #[test]
    fn all_but_commas_and_nul_is_free() {
        assert_eq!(validate_key("a,b"), Err(KeyError::Comma));
        assert_eq!(validate_key("a\0b"), Err(KeyError::Nul));
        assert_eq!(validate_key(""), Err(KeyError::Empty));
        assert_eq!(validate_key("index-scope-1-01234567#2/%_ \n:é"), Ok(()));
    }

    #[test]
    fn versions_are_opaque_but_bounded() {
        assert_eq!(validate_version("sccache-v0.8.1"), Ok(()));
        assert_eq!(validate_version(""), Err(KeyError::Version { bytes: 0 }));
        assert_eq!(validate_version(&"v".repeat(513)), Err(KeyError::Version { bytes: 513 }));
        assert_eq!(validate_version("a\0"), Err(KeyError::Version { bytes: 2 }));
    }

    #[test]
    fn a_repeated_primary_key_is_tried_once() {
        assert_eq!(lookup_keys("k", ["k", "a", "", "b", "a"]).unwrap(), ["k", "a", "b"]);
    }

    #[test]
    fn ten_keys_are_the_most() {
        let restore: Vec<String> = (1..=10).map(|n| format!("k{n}")).collect();
        let nine = restore[..9].iter().map(String::as_str);
        assert_eq!(lookup_keys("k", nine.chain(["k"])).unwrap().len(), 10);
        assert_eq!(lookup_keys("k", restore.iter().map(String::as_str)), Err(KeyError::TooMany));
    }

    #[test]
    fn restore_keys_obey_the_rules_of_keys() {
        assert_eq!(lookup_keys("k", ["a,b"]), Err(KeyError::Comma));
    }
}
