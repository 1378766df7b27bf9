//! Which caches are meant.

use std::time::{Duration, SystemTime};

use snowbank_actions::client::rest::CacheEntry;
use snowbank_server::settings::Span;

use crate::args::cache::Filter;
use crate::error::{CliError, Result};

/// What the arguments say of it.
pub(in crate::command::cache) struct Wanted<'a> {
    pub filter: &'a Filter,
    pub older_than: Option<&'a str>,
    pub id: Option<i64>,
    pub all: bool,
}

/// The same, checked.
pub(super) struct Choice<'a> {
    wanted: &'a Wanted<'a>,
    /// Only what was last used before then.
    before: Option<SystemTime>,
}

impl<'a> Choice<'a> {
    /// # Errors
    /// When `--older-than` is no span of time.
    pub(super) fn new(wanted: &'a Wanted<'a>) -> Result<Self> {
        let span = |text: &str| {
            text.parse::<Span>().map_err(|error| CliError::usage("--older-than is not valid").because(error))
        };
        let span: Option<Duration> = wanted.older_than.map(span).transpose()?.map(|span| span.0);
        let before = span.map(|span| SystemTime::now().checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH));
        Ok(Self { wanted, before })
    }

    /// Whether anything is said.
    pub(super) fn is_empty(&self) -> bool {
        let Wanted { filter, id, all, .. } = self.wanted;
        let named = [&filter.key, &filter.key_prefix, &filter.scope].into_iter().any(Option::is_some);
        !named && id.is_none() && !all && self.before.is_none()
    }

    /// Whether an entry is meant.
    pub(super) fn takes(&self, entry: &CacheEntry) -> bool {
        let Wanted { filter, id, .. } = self.wanted;
        id.is_none_or(|id| u64::try_from(id) == Ok(entry.id))
            && filter.key.as_ref().is_none_or(|key| *key == entry.key)
            && filter.key_prefix.as_ref().is_none_or(|prefix| entry.key.starts_with(prefix.as_str()))
            && filter.scope.as_ref().is_none_or(|scope| *scope == entry.scope)
            && self.before.is_none_or(|before| entry.accessed < before)
    }

    /// Whether packs are meant as such, and not only as parts of snapshots: all of a repository or a ref, and what is
    /// named by its number or its key.
    pub(super) fn takes_packs(&self) -> bool {
        let Wanted { filter, id, all, .. } = self.wanted;
        let named = |key: &Option<String>| key.as_ref().is_some_and(|key| key.starts_with("snowbank-pack-"));
        let keyed = filter.key.is_some() || filter.key_prefix.is_some();
        let of_ref = filter.scope.is_some() && !keyed && self.before.is_none();
        *all || id.is_some() || of_ref || named(&filter.key) || named(&filter.key_prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, hours: u64) -> CacheEntry {
        let accessed = SystemTime::now() - Duration::from_secs(hours * 3600);
        let (scope, key) = ("refs/heads/main".to_owned(), key.to_owned());
        CacheEntry { id: 7, scope, key, version: String::new(), size: 1, created: accessed, accessed }
    }

    fn choice(filter: &Filter, older_than: Option<&str>, id: Option<i64>, all: bool) -> [bool; 4] {
        let wanted = Wanted { filter, older_than, id, all };
        let choice = Choice::new(&wanted).unwrap();
        let takes = |key, hours| choice.takes(&entry(key, hours));
        [choice.is_empty(), takes("k#1", 1), takes("k#12", 30), choice.takes_packs()]
    }

    #[test]
    fn what_is_said_is_meant_together() {
        let key = |key: &str| Filter { key: Some(key.to_owned()), ..Filter::default() };
        let prefix = |prefix: &str| Filter { key_prefix: Some(prefix.to_owned()), ..Filter::default() };
        let scope = |scope: &str| Filter { scope: Some(scope.to_owned()), ..Filter::default() };
        assert_eq!(choice(&Filter::default(), None, None, false), [true, true, true, false]);
        assert_eq!(choice(&Filter::default(), None, None, true), [false, true, true, true]);
        assert_eq!(choice(&Filter::default(), None, Some(7), false), [false, true, true, true]);
        assert_eq!(choice(&Filter::default(), None, Some(-7), false), [false, false, false, true]);
        assert_eq!(choice(&key("k#1"), None, None, false), [false, true, false, false]);
        assert_eq!(choice(&prefix("k#1"), Some("1d"), None, false), [false, false, true, false]);
        assert_eq!(choice(&prefix("snowbank-pack-"), None, None, false), [false, false, false, true]);
        assert_eq!(choice(&scope("refs/heads/main"), None, None, false), [false, true, true, true]);
        assert_eq!(choice(&scope("refs/heads/dev"), Some("1d"), None, false), [false, false, false, false]);
        let wanted = Wanted { filter: &Filter::default(), older_than: Some("soon"), id: None, all: false };
        assert!(Choice::new(&wanted).is_err());
    }
}
