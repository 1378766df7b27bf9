//! What somebody wants the closure of.

use snowbank_binary_cache::bulk::{ClosureWanted, MAX_HAVE, MAX_PATHS};
use snowbank_catalog::rooms::HashPart;
use snowbank_nix::store_path::HASH_LEN;

use crate::service::{Kind, Result, ServiceError};

/// What somebody wants the closure of, and what he has of it.
#[derive(Debug)]
pub struct ClosureQuestion {
    pub(super) roots: Vec<HashPart>,
    pub(super) have: Have,
}

/// Hash parts in order, as they came: 2 MiB at most.
#[derive(Debug)]
pub(super) struct Have(Vec<u8>);

impl Have {
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<HASH_LEN>();
        let good = rest.is_empty() && parts.len() <= MAX_HAVE && parts.is_sorted();
        good.then_some(Self(bytes))
    }

    pub(super) fn contains(&self, part: HashPart) -> bool {
        let (parts, _) = self.0.as_chunks::<HASH_LEN>();
        parts.binary_search_by(|one| one.as_slice().cmp(part.as_str().as_bytes())).is_ok()
    }
}

impl ClosureQuestion {
    /// Reads a message.
    ///
    /// # Errors
    /// When it names no path, too many, or something else.
    pub fn read(message: ClosureWanted) -> Result<Self> {
        let wrong = |why: String| ServiceError::new(Kind::InvalidArgument, why);
        if message.roots.is_empty() || message.roots.len() > MAX_PATHS {
            return Err(wrong(format!("a closure is of 1 to {MAX_PATHS} paths")));
        }
        let root = |text: &String| {
            HashPart::parse(text)
                .ok_or_else(|| wrong(format!("`{}` is no hash part of a store path", text.escape_debug())))
        };
        let roots = message.roots.iter().map(root).collect::<Result<_>>()?;
        let have = Have::parse(message.have).ok_or_else(|| {
            wrong(format!("what is there is not told as {MAX_HAVE} hash parts at most, in order"))
        })?;
        Ok(Self { roots, have })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_found_and_nothing_else(numbers in prop::collection::btree_set(0..500_u32, 0..60), asked in 0..500_u32) {
            let digits = |number: u32| format!("{number:032}");
            let have = numbers.iter().map(|&number| digits(number)).collect::<String>().into_bytes();
            let have = Have::parse(have).unwrap();
            let part = HashPart::parse(&digits(asked)).unwrap();
            prop_assert_eq!(have.contains(part), numbers.contains(&asked));
        }
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let good = "1".repeat(32);
        let ask = |roots: &[&str], have: &str| {
            let roots = roots.iter().map(|&text| text.to_owned()).collect();
            ClosureQuestion::read(ClosureWanted { roots, have: have.as_bytes().to_vec() })
        };
        ask(&[&good], &format!("{good}{}", "2".repeat(32))).unwrap();
        for (roots, have) in [
            (vec![], String::new()),
            (vec!["../x"], String::new()),
            (vec![good.as_str()], "1".repeat(31)),
            (vec![&good], format!("{}{good}", "2".repeat(32))),
        ] {
            ask(&roots, &have).unwrap_err();
        }
    }
}
