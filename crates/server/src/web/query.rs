//! What the address of a page says beside its path.

use std::fmt;

use snowbank_actions::query::Query;
use url::form_urlencoded::Serializer;

/// Lines of a page.
pub(super) const PAGE: usize = 50;

/// Parameters of a page's address, from which links to the same page in another way are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// Reads these parameters; what is empty is left out, and so is what is not UTF-8.
    pub(super) fn read(query: &str, names: &[&'static str]) -> Self {
        let read = |name: &&'static str| Some((*name, Query::new(query).form(name)?));
        Self(names.iter().filter_map(read).filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The same with one changed.
    pub(super) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut other = self.without(name);
        other.0.push((name, value.into()));
        other
    }

    pub(super) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(known, _)| *known != name).cloned().collect())
    }

    /// The number of the page, from 1 on.
    pub(super) fn page(&self) -> usize {
        self.get("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).max(1) as usize
    }

    /// The number of the event before which the page begins.
    pub(super) fn before(&self) -> Option<i64> {
        self.get("before").and_then(|before| before.parse().ok())
    }

    /// Every one of them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// With the mark before it: `?a=b`; nothing where there are none.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "?{}", Serializer::new(String::new()).extend_pairs(&self.0).finish())
    }
}

/// A column that a list can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    /// Its name in the address.
    pub(super) name: &'static str,
    /// Largest or latest first.
    pub(super) descending: bool,
}

impl Sort {
    /// What the address asks for, else the first of the columns; each with whether it begins with the largest.
    pub(super) fn read(params: &Params, columns: &[(&'static str, bool)]) -> Self {
        let asked = columns.iter().find(|(name, _)| params.get("sort") == Some(name));
        let (name, falls) = asked.or(columns.first()).copied().unwrap_or_default();
        let descending = match params.get("dir") {
            Some("desc") => true,
            Some("asc") => false,
            _ => falls,
        };
        Self { name, descending }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: &[(&str, bool)] = &[("used", true), ("key", false)];

    fn sort(query: &str) -> (&'static str, bool) {
        let Sort { name, descending } = Sort::read(&Params::read(query, &["sort", "dir"]), COLUMNS);
        (name, descending)
    }

    #[test]
    fn an_unknown_order_is_the_usual_one() {
        assert_eq!(sort(""), ("used", true));
        assert_eq!(sort("sort=key"), ("key", false));
        assert_eq!(sort("sort=key&dir=desc"), ("key", true));
        assert_eq!(sort("sort=%3Cscript%3E&dir=x"), ("used", true));
    }

    #[test]
    fn pages_are_counted_from_one() {
        let page = |query| Params::read(query, &["page"]).page();
        assert_eq!([page(""), page("page=0"), page("page=-1"), page("page=99999999999")], [1; 4]);
        assert_eq!(page("page=7"), 7);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(key in ".{1,20}", scope in ".{1,20}") {
            let params = Params::default().with("key", key).with("ref", scope);
            let written = params.to_string();
            prop_assert!(!written.contains(['"', '<', '>', '\'']));
            prop_assert_eq!(Params::read(&written[1..], &["key", "ref"]), params);
        }
    }
}
