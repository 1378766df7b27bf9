//! Store paths: `/nix/store/<32 nix32 digits>-<name>`.

mod compute;
mod dir;
mod error;

use std::{fmt, str::FromStr, sync::Arc};

pub use compute::References;
pub use dir::StoreDir;
pub use error::{ComputeError, NameError, StorePathError};

use crate::nix32;

/// Digits of the hash part.
pub const HASH_LEN: usize = 32;

/// Bytes of the longest name; with the hash part, the dash and `.lock` behind it a file's name has at most 255.
pub const MAX_NAME: usize = 211;

/// A store path without its store directory: `<32 nix32 digits>-<name>`.
///
/// Cheap to clone. In order of the base names, which is the order of the full paths of one store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath(Arc<str>);

impl StorePath {
    /// The whole of it, as the file in the store is called.
    #[must_use]
    pub fn base_name(&self) -> &str {
        &self.0
    }

    /// The thirty-two digits, by which a binary cache knows the path.
    #[must_use]
    pub fn hash_part(&self) -> &str {
        &self.0[..HASH_LEN]
    }

    /// What comes after the hash part and its dash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0[HASH_LEN + 1..]
    }

    /// Whether it is a derivation.
    #[must_use]
    pub fn is_derivation(&self) -> bool {
        self.name().ends_with(".drv")
    }

    /// A path of these twenty bytes and a name.
    fn from_digest(digest: &[u8; 20], name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        Ok(Self(format!("{}-{name}", nix32::encode(digest)).into()))
    }
}

impl FromStr for StorePath {
    type Err = StorePathError;

    /// Reads a base name.
    fn from_str(text: &str) -> Result<Self, StorePathError> {
        let (hash, rest) = text.as_bytes().split_at_checked(HASH_LEN).ok_or(StorePathError::Hash)?;
        if !hash.iter().all(|&byte| nix32::is_digit(byte)) || rest.first() != Some(&b'-') {
            return Err(StorePathError::Hash);
        }
        // The bytes so far are ASCII: this is a boundary.
        check_name(&text[HASH_LEN + 1..])?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePath({})", self.0)
    }
}

/// Whether a store path may be called so: letters, digits and `+-._?=`; not `.` or `..`, nor one of these with a dash
/// behind it (Nix 2.20 and later; older ones let it pass).
///
/// # Errors
/// When it may not.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(NameError::Length(name.len()));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte)) {
        return Err(NameError::Character);
    }
    let first = name.split('-').next();
    if matches!(first, Some("." | "..")) { Err(NameError::Dots) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";

    #[test]
    fn a_base_name_has_a_hash_part_and_a_name() {
        let path: StorePath = format!("{HASH}-my-file.drv").parse().unwrap();
        assert_eq!((path.hash_part(), path.name()), (HASH, "my-file.drv"));
        assert!(path.is_derivation());
        assert_eq!(path.to_string(), path.base_name());
    }

    #[test]
    fn names_have_bounds() {
        let longest = "x".repeat(MAX_NAME);
        for name in ["a", "-", "+-._?=", "a..", ".a", "...", "..a", ".?", longest.as_str()] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [".", "..", ".-", "..-", ".-a", "..-a"] {
            assert_eq!(check_name(name), Err(NameError::Dots), "{name}");
        }
        for name in ["a/b", "a b", "é", "a\n", "a\0", "a:b", "~", "*"] {
            assert_eq!(check_name(name), Err(NameError::Character), "{name}");
        }
        assert_eq!(check_name(""), Err(NameError::Length(0)));
        assert_eq!(check_name(&format!("{longest}x")), Err(NameError::Length(MAX_NAME + 1)));
    }

    #[test]
    fn what_has_no_hash_part_is_refused() {
        let letters = "é".repeat(16);
        for text in [
            "",
            "a",
            HASH,
            &format!("{HASH}x-a"),
            &format!("{HASH}_a"),
            &format!("{}e-a", &HASH[1..]),
            &format!("{}-a", HASH.to_uppercase()),
            &format!("/{HASH}-a"),
            &format!("{letters}-a"),
            &format!("{}-a", &HASH[1..]),
        ] {
            assert_eq!(text.parse::<StorePath>(), Err(StorePathError::Hash), "{text}");
        }
        assert_eq!(format!("{HASH}-").parse::<StorePath>(), Err(NameError::Length(0).into()));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = text.parse::<StorePath>();
            let _ = format!("{HASH}-{text}").parse::<StorePath>();
        }

        #[test]
        fn a_path_is_what_it_was_read_from(text in "[0-9a-df-np-sv-z]{32}-[a-zA-Z0-9+._?=]{1,40}") {
            if let Ok(path) = text.parse::<StorePath>() {
                prop_assert_eq!(path.base_name(), &text);
                prop_assert_eq!(format!("{}-{}", path.hash_part(), path.name()), text);
            }
        }
    }
}
