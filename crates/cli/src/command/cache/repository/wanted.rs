//! Which caches are meant.

use std::time::{Duration, SystemTime};

use snowbank_actions::client::rest::CacheEntry;
use snowbank_server::settings::Span;

use crate::args::cache::{Delete, Filter, List};
use crate::error::{CliError, Result};

/// What the keys of packs begin with.
const PACK: &str = "snowbank-pack-";

/// What the arguments say of it.
pub(super) struct Wanted<'a> {
    filter: &'a Filter,
    older_than: Option<&'a str>,
    /// Numbers and complete keys, any of which is meant.
    which: &'a [String],
    all: bool,
}

impl<'a> Wanted<'a> {
    /// Of `cache list`.
    pub(super) fn listed(args: &'a List) -> Self {
        Self { filter: &args.filter, older_than: args.older_than.as_deref(), which: &[], all: args.all }
    }

    /// Of `cache delete`.
    pub(super) fn deleted(args: &'a Delete) -> Self {
        let older_than = args.older_than.as_deref();
        Self { filter: &args.filter, older_than, which: &args.which, all: args.all }
    }
}

/// The same, checked.
pub(super) struct Choice<'a> {
    filter: &'a Filter,
    ids: Vec<u64>,
    keys: Vec<&'a str>,
    all: bool,
    /// Only what was last used before then.
    before: Option<SystemTime>,
}

impl<'a> Choice<'a> {
    /// # Errors
    /// When `--older-than` is no span of time, or a number is none.
    pub(super) fn new(wanted: &Wanted<'a>) -> Result<Self> {
        let Wanted { filter, older_than, which, all } = *wanted;
        let span = |text: &str| {
            text.parse::<Span>().map_err(|error| CliError::usage("--older-than is not valid").because(error))
        };
        let span: Option<Duration> = older_than.map(span).transpose()?.map(|span| span.0);
        let before = span.map(|span| SystemTime::now().checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH));
        let (ids, keys) = numbers_and_keys(which)?;
        Ok(Self { filter, ids, keys, all, before })
    }

    /// Whether anything is said.
    pub(super) fn is_empty(&self) -> bool {
        let Filter { key, key_prefix, scope, .. } = self.filter;
        let named = [key, key_prefix, scope].into_iter().any(Option::is_some);
        !named && !self.names_some() && !self.all && self.before.is_none()
    }

    /// Whether some are named by numbers or keys.
    pub(super) fn names_some(&self) -> bool {
        !self.ids.is_empty() || !self.keys.is_empty()
    }

    /// Whether everything is meant, so that nothing of a snapshot is left.
    pub(super) fn is_all(&self) -> bool {
        self.all
    }

    /// Whether an entry is meant.
    pub(super) fn takes(&self, entry: &CacheEntry) -> bool {
        let Filter { key, key_prefix, scope, .. } = self.filter;
        (!self.names_some() || self.ids.contains(&entry.id) || self.keys.contains(&entry.key.as_str()))
            && key.as_ref().is_none_or(|key| *key == entry.key)
            && key_prefix.as_ref().is_none_or(|prefix| entry.key.starts_with(prefix.as_str()))
            && scope.as_ref().is_none_or(|scope| *scope == entry.scope)
            && self.before.is_none_or(|before| entry.accessed < before)
    }

    /// Whether packs are meant as such, and not only as parts of snapshots: all of a repository or a ref, and what is
    /// named by its number or its key.
    pub(super) fn takes_packs(&self) -> bool {
        let Filter { key, key_prefix, scope, .. } = self.filter;
        let named = |key: &Option<String>| key.as_ref().is_some_and(|key| key.starts_with(PACK));
        let keyed = key.is_some() || key_prefix.is_some();
        let of_ref = scope.is_some() && !keyed && !self.names_some() && self.before.is_none();
        let which = !self.ids.is_empty() || self.keys.iter().any(|key| key.starts_with(PACK));
        self.all || which || of_ref || named(key) || named(key_prefix)
    }
}

/// What is all digits is a number, as it is to gh.
pub(in crate::command::cache) fn numbers_and_keys(which: &[String]) -> Result<(Vec<u64>, Vec<&str>)> {
    let is_number = |text: &&String| text.bytes().all(|byte| byte.is_ascii_digit());
    let (numbers, keys): (Vec<&String>, Vec<&String>) = which.iter().partition(is_number);
    let number = |text: &String| {
        let wrong =
            || CliError::usage(format!("`{text}` is no cache's number")).hint("--key takes it as a key");
        text.parse().map_err(|_| wrong())
    };
    let numbers = numbers.into_iter().map(number).collect::<Result<_>>()?;
    Ok((numbers, keys.into_iter().map(String::as_str).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, hours: u64) -> CacheEntry {
        let accessed = SystemTime::now() - Duration::from_secs(hours * 3600);
        let (scope, key) = ("refs/heads/main".to_owned(), key.to_owned());
        CacheEntry { id: 7, scope, key, version: String::new(), size: 1, created: accessed, accessed }
    }

    /// Whether nothing is said, what is taken, and whether packs are.
    fn choice(filter: &Filter, older_than: Option<&str>, which: &[&str], all: bool) -> [bool; 4] {
        let which: Vec<String> = which.iter().map(|text| (*text).to_owned()).collect();
        let wanted = Wanted { filter, older_than, which: &which, all };
        let choice = Choice::new(&wanted).unwrap();
        let takes = |key, hours| choice.takes(&entry(key, hours));
        [choice.is_empty(), takes("k#1", 1), takes("k#12", 30), choice.takes_packs()]
    }

    #[test]
    fn what_is_said_is_meant_together() {
        let none = Filter::default();
        let key = |key: &str| Filter { key: Some(key.to_owned()), ..Filter::default() };
        let prefix = |prefix: &str| Filter { key_prefix: Some(prefix.to_owned()), ..Filter::default() };
        let scope = |scope: &str| Filter { scope: Some(scope.to_owned()), ..Filter::default() };
        let dev = scope("refs/heads/dev");
        assert_eq!(choice(&none, None, &[], false), [true, true, true, false]);
        assert_eq!(choice(&none, None, &[], true), [false, true, true, true]);
        assert_eq!(choice(&none, None, &["7"], false), [false, true, true, true]);
        assert_eq!(choice(&none, None, &["8"], false), [false, false, false, true]);
        assert_eq!(choice(&none, None, &["k#1"], false), [false, true, false, false]);
        assert_eq!(choice(&none, None, &["k#", "k#12"], false), [false, false, true, false]);
        assert_eq!(choice(&dev, None, &["7"], false), [false, false, false, true]);
        assert_eq!(choice(&none, None, &["snowbank-pack-1"], false), [false, false, false, true]);
        assert_eq!(choice(&key("k#1"), None, &[], false), [false, true, false, false]);
        assert_eq!(choice(&prefix("k#1"), Some("1d"), &[], false), [false, false, true, false]);
        assert_eq!(choice(&prefix("snowbank-pack-"), None, &[], false), [false, false, false, true]);
        assert_eq!(choice(&scope("refs/heads/main"), None, &[], false), [false, true, true, true]);
        assert_eq!(choice(&dev, Some("1d"), &[], false), [false, false, false, false]);
        let soon = Wanted { filter: &none, older_than: Some("soon"), which: &[], all: false };
        assert!(Choice::new(&soon).is_err());
        assert!(numbers_and_keys(&["99999999999999999999".to_owned()]).is_err());
    }
}
