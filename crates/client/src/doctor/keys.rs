//! Whether the next lookup hits, and why not.

use std::time::SystemTime;

use snowbank_actions::client::rest::CacheEntry;

use super::lock_file::hash_in;
use super::text::{ago, bytes};
use super::{Finding, Level};
use crate::series::Key;

/// Keys that are named where nothing begins so.
const NEAREST: usize = 3;

/// Characters that a key must share at its beginning to be like another one.
const ALIKE: usize = 3;

/// What a job will look up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The key: itself, or that of a series.
    pub key: String,
    /// Whether it is a series: then its generations are looked for, and not what begins with the key.
    pub series: bool,
    /// What else will do, in order.
    pub restore_keys: Vec<String>,
    /// The versions that will do; none where that is not known.
    pub versions: Vec<String>,
    /// The refs that are searched, in order; none where that is not known.
    pub read: Vec<String>,
}

/// What the lookup comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The key is there.
    Hit(&'a CacheEntry),
    /// Another key begins as was asked.
    Partial(&'a CacheEntry),
    /// It would be a hit, but paths or compression differ.
    OtherVersion(&'a CacheEntry),
    /// It would be a hit, but for the ref it was saved on.
    OtherScope(&'a CacheEntry),
    /// Nothing begins so; the keys that are most like it.
    Nothing(Vec<&'a str>),
}

/// An entry that went, as a server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its key.
    pub key: String,
    /// The word for why: `repository_limit`, `retention`, `disk_bound`, `deleted` or `damaged`.
    pub reason: String,
    /// When.
    pub at: SystemTime,
}

impl Removal {
    /// Why it went, in words.
    #[must_use]
    pub fn because(&self) -> &str {
        match self.reason.as_str() {
            "repository_limit" => "the repository was over its size, and it was the longest unused",
            "retention" => "nobody had used it for the retention time",
            "disk_bound" => "the server's disk was over its bound, and it was the longest unused",
            "deleted" => "somebody deleted it",
            "damaged" => "it could not be read any more",
            other => other,
        }
    }
}

/// What the lookup would find among all entries of a repository.
#[must_use]
pub fn answer<'a>(entries: &'a [CacheEntry], question: &Question) -> Answer<'a> {
    let found = |version: bool, scope: bool| first(entries, question, version, scope);
    if let Some(entry) = found(true, true) {
        return if is_of(entry, question) { Answer::Hit(entry) } else { Answer::Partial(entry) };
    }
    if let Some(entry) = found(false, true) {
        return Answer::OtherVersion(entry);
    }
    match found(true, false).or_else(|| found(false, false)) {
        Some(entry) => Answer::OtherScope(entry),
        None => Answer::Nothing(nearest(entries, &question.key)),
    }
}

/// Ref by ref, key by key: the very key, else the newest that begins so.
fn first<'a>(
    entries: &'a [CacheEntry],
    question: &Question,
    version: bool,
    scope: bool,
) -> Option<&'a CacheEntry> {
    let fits = |entry: &&CacheEntry| {
        !version || question.versions.is_empty() || question.versions.contains(&entry.version)
    };
    let refs: Vec<Option<&str>> = match question.read.as_slice() {
        read if scope && !read.is_empty() => read.iter().map(|scope| Some(scope.as_str())).collect(),
        _ => vec![None],
    };
    let generations = format!("{}#", question.key);
    let own = if question.series { &generations } else { &question.key };
    let keys = || std::iter::once(own).chain(&question.restore_keys);
    refs.into_iter().find_map(|scope| {
        let seen = || {
            entries.iter().filter(fits).filter(move |entry| scope.is_none_or(|scope| entry.scope == scope))
        };
        keys().find_map(|key| {
            let newest =
                || seen().filter(|entry| entry.key.starts_with(key)).max_by_key(|entry| entry.created);
            seen().find(|entry| entry.key == *key).or_else(newest)
        })
    })
}

/// Whether an entry is the key itself, or a generation of the series.
fn is_of(entry: &CacheEntry, question: &Question) -> bool {
    let Question { key, series, .. } = question;
    match series {
        true => Key::split(&entry.key).is_some_and(|(own, number)| own.as_str() == key && number > 0),
        false => entry.key == *key,
    }
}

fn nearest<'a>(entries: &'a [CacheEntry], key: &str) -> Vec<&'a str> {
    let alike = |other: &str| key.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let mut near: Vec<_> = entries.iter().map(|entry| (alike(&entry.key), entry.key.as_str())).collect();
    near.retain(|(shared, _)| *shared >= ALIKE);
    near.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    near.dedup_by_key(|(_, key)| *key);
    near.into_iter().map(|(_, key)| key).take(NEAREST).collect()
}

/// What to say of the next lookup. `removed` are entries that went, the last one first.
#[must_use]
pub fn lookup(entries: &[CacheEntry], question: &Question, removed: &[Removal], now: SystemTime) -> Finding {
    let key = &question.key;
    let told = |entry: &CacheEntry| {
        let age = ago(entry.created, now);
        format!("`{}` of {}, saved {age} on {}", entry.key, bytes(entry.size), entry.scope)
    };
    match answer(entries, question) {
        Answer::Hit(entry) => Finding::new(Level::Ok, "key-hit", "the next lookup hits", told(entry)),
        Answer::Partial(entry) => {
            let found =
                Finding::new(Level::Note, "key-partial", "the next lookup finds an older entry", told(entry));
            match (hash_in(key), hash_in(&entry.key)) {
                (Some(own), Some(other)) if own != other => found.hint(
                    "the key has another hash: the lock file was updated, and no job has saved since. That is expected; the old entry serves, and Nix takes from it what stayed the same",
                ),
                _ => found.hint("the next save makes the key itself"),
            }
        }
        Answer::OtherVersion(entry) => {
            let asked = question.versions.join(" or ");
            let seen = format!("{} has the version {}, and {asked} is asked for", told(entry), entry.version);
            Finding::new(Level::Problem, "key-other-version", "the key is there, but paths or compression differ", seen)
                .hint("`path:` must be written alike where it is saved and restored, and zstd be there on all runners or on none")
        }
        Answer::OtherScope(entry) => {
            let seen = format!("{}; this job reads {}", told(entry), question.read.join(", "));
            Finding::new(Level::Problem, "key-other-ref", "the key is there, but saved on a ref that this job does not read", seen)
                .hint("save it on the default branch, whose entries every ref reads; a branch does not see its siblings")
        }
        Answer::Nothing(nearest) => nothing(question, &nearest, removed, now),
    }
}

fn nothing(question: &Question, nearest: &[&str], removed: &[Removal], now: SystemTime) -> Finding {
    let key = &question.key;
    let series = format!("{key}#");
    if let Some(gone) = removed.iter().find(|gone| gone.key == *key || gone.key.starts_with(&series)) {
        let seen = format!("`{}` went {}: {}", gone.key, ago(gone.at, now), gone.because());
        return Finding::new(Level::Warning, "key-removed", "the key was there, and went", seen)
            .hint("the next save makes it anew; `snowbank cache usage` shows how near the limit is");
    }
    let none = |seen: String| {
        Finding::new(Level::Warning, "key-none", "the next lookup misses: there is no such key", seen)
    };
    if nearest.is_empty() {
        return none(format!("no key is like `{key}`"))
            .hint("has a job that saves run to its end, on this ref or on the default branch?");
    }
    let like = nearest.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let before = hash_in(key).and_then(|hash| key.split_once(hash)).map(|(before, _)| before);
    match before.filter(|before| !before.is_empty() && nearest[0].starts_with(before)) {
        Some(before) => none(format!("nothing begins with `{key}`, and there are {like}"))
            .hint("the key has another hash: the lock file was updated, and that is a miss as it should be")
            .hint(format!("`restore-keys: {before}` (--restore-key {before}) lets the old entry serve, and Nix takes from it what stayed the same")),
        None => none(format!("nothing begins with `{key}`; most like it are {like}"))
            .hint("is the key written as where it is saved?"),
    }
}

/// What there is, for somebody who asks for no key.
#[must_use]
pub fn listed(entries: &[CacheEntry], now: SystemTime) -> Finding {
    let seen = match entries.iter().max_by_key(|entry| entry.created) {
        None => "nothing was saved yet".to_owned(),
        Some(newest) => format!(
            "{} entries; the newest is `{}`, saved {} on {}",
            entries.len(),
            newest.key,
            ago(newest.created, now),
            newest.scope
        ),
    };
    Finding::new(Level::Note, "keys", "the keys that are there", seen).hint("--key says which one is meant")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn entry(key: &str, scope: &str, version: &str, created: u64) -> CacheEntry {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(created);
        let (key, scope, version) = (key.to_owned(), scope.to_owned(), version.to_owned());
        CacheEntry { id: 1, scope, key, version, size: 1, created, accessed: created }
    }

    fn asked(entries: &[CacheEntry], key: &str, restore: &[&str]) -> &'static str {
        let question = Question {
            key: key.into(),
            series: key == "s",
            restore_keys: restore.iter().map(|&key| key.to_owned()).collect(),
            versions: vec!["v".into()],
            read: vec!["dev".into(), "main".into()],
        };
        lookup(entries, &question, &[], SystemTime::now()).id
    }

    #[test]
    fn refs_are_searched_in_order_and_keys_within_them() {
        let entries =
            [entry("k-1", "main", "v", 9), entry("k-2", "dev", "v", 5), entry("k-3", "dev", "v", 3)];
        let question =
            Question { key: "k-".into(), read: vec!["dev".into(), "main".into()], ..Question::default() };
        assert_eq!(answer(&entries, &question), Answer::Partial(&entries[1]));
        let question = Question { key: "k-1".into(), restore_keys: vec!["k-3".into()], ..question };
        assert_eq!(answer(&entries, &question), Answer::Partial(&entries[2]), "its own ref comes first");
    }

    #[test]
    fn each_miss_has_its_reason() {
        let entries =
            [entry("k", "main", "v", 1), entry("w", "main", "other", 1), entry("s#4", "side", "v", 1)];
        assert_eq!(asked(&entries, "k", &[]), "key-hit");
        assert_eq!(asked(&entries, "w", &[]), "key-other-version");
        assert_eq!(asked(&entries, "s", &[]), "key-other-ref");
        assert_eq!(asked(&entries, "kx", &["k"]), "key-partial");
        assert_eq!(asked(&entries, "x", &[]), "key-none");
        let gone = Removal { key: "x#2".into(), reason: "retention".into(), at: SystemTime::UNIX_EPOCH };
        let question = Question { key: "x".into(), ..Question::default() };
        assert_eq!(lookup(&entries, &question, &[gone], SystemTime::now()).id, "key-removed");
    }

    #[test]
    fn after_an_update_of_the_lock_file_the_prefix_is_named() {
        let key = |digit: &str| format!("nix-Linux-{}", digit.repeat(64));
        let entries = [entry(&key("a"), "main", "v", 1)];
        let question = Question { key: key("b"), ..Question::default() };
        let found = lookup(&entries, &question, &[], SystemTime::now());
        assert!(found.hints[1].contains("restore-keys: nix-Linux-`"), "{found:?}");
    }

    proptest! {
        #[test]
        fn arbitrary_keys_have_an_answer(keys in prop::collection::vec(".{0,80}", 1..6), key in ".{0,80}") {
            let entries: Vec<_> = keys.iter().map(|key| entry(key, "main", "v", 1)).collect();
            for series in [false, true] {
                let question = Question { key: key.clone(), series, ..Question::default() };
                let found = lookup(&entries, &question, &[], SystemTime::now());
                let there = entries.iter().any(|entry| is_of(entry, &question));
                // Of a series that ends in a number, the generations of others begin so, too.
                prop_assert!(found.id != "key-hit" || there);
                prop_assert!(series || !there || found.id == "key-hit");
            }
        }
    }
}
