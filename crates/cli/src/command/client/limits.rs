//! What a save may read and store.

use std::time::Duration;

use snowbank_client::save::{Bounds, PACK};
use snowbank_server::settings::{ByteSize, Span};

use crate::args::client::What;
use crate::error::{CliError, Result};

/// Bytes of new packs in a job of a pull request: the entries of all of them crowd out the default branch's.
const OF_PULL_REQUEST: u64 = 1_000_000_000;

/// Bytes that a pack is filled with, at least and at most.
const PACKS: std::ops::RangeInclusive<u64> = 64 << 10..=PACK;

/// What a save may read and store, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the store may be read.
    pub budget: Option<Duration>,
    /// How much may be stored.
    pub bounds: Bounds,
    /// Bytes of a full pack.
    pub pack: u64,
}

impl Limits {
    /// # Errors
    /// When an argument is no size or no span of time.
    pub(crate) fn new(what: &What) -> Result<Self> {
        let wrong = |name: &str| CliError::usage(format!("{name} is not valid"));
        let size = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match text.parse::<ByteSize>() {
                Ok(size) => Ok(Some(size.0)),
                Err(error) => Err(wrong(name).because(error)),
            },
        };
        let span = |text: &String| text.parse::<Span>().map_err(|error| wrong("--budget").because(error));
        let pack = size("--pack-size", &what.pack_size)?.unwrap_or(PACK);
        if !PACKS.contains(&pack) {
            return Err(CliError::usage("--pack-size is not from 64KiB to 90MiB"));
        }
        let (most, new) = (size("--max-size", &what.max_size)?, size("--max-new", &what.max_new)?);
        let bounds = match of_pull_request(&std::env::var("GITHUB_REF").unwrap_or_default()) {
            // Its packs are no series of their own: what its base has stays there whatever it names.
            true => Bounds { size: None, new: new.or(Some(OF_PULL_REQUEST)), only_new: true },
            false => Bounds { size: most, new, only_new: false },
        };
        Ok(Self { budget: what.budget.as_ref().map(span).transpose()?.map(|span| span.0), bounds, pack })
    }
}

/// Whether a ref is the merge of a pull request, `refs/pull/N/merge`: only that one's jobs see what is saved there.
fn of_pull_request(name: &str) -> bool {
    let number = name.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/merge"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merges_of_pull_requests_are_known_by_their_refs() {
        assert!(of_pull_request("refs/pull/12/merge"));
        for other in ["refs/heads/main", "refs/pull/12/head", "refs/pull//merge", "refs/pull/a/merge", ""] {
            assert!(!of_pull_request(other), "{other}");
        }
    }
}
