//! What has gathered since it was last written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snowbank_catalog::ids::{EntryId, RepoId};
use snowbank_catalog::rooms::{
    Counts, MAX_NOTED_KEY, MAX_NOTED_TEXT, Matched, Outcome, Protocol, Question, Restores, cut,
};
use tokio::sync::Notify;

use crate::service::snapshots::PACK_PREFIX;
use crate::service::{self, Caller, Found};

/// Different lookups that wait to be written, at the most.
const LOOKUPS: usize = 4096;
/// Bytes of their texts at the most, and so of the memory that they take, but for some 300 bytes each.
const BYTES: usize = 8 << 20;
/// From so many on they are written at once.
const BATCH: usize = 256;
/// Scopes of a lookup that are noted, in the order in which they are looked in.
const SCOPES: usize = 16;
/// Repositories, entries and snapshots of which something else waits to be written, at the most of each; of more, what
/// has gathered of the others is forgotten.
const OTHERS: usize = 4096;
/// Download URLs whose lookups are remembered, so that the time of a restore can be told. They are forgotten all
/// together beyond this many. Some 120 bytes each.
const HANDED_OUT: usize = 4096;

/// A lookup and what came of it: what is asked again meanwhile is only counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub question: Question,
    pub outcome: Outcome,
    pub matched: Option<Matched>,
}

/// What has gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// How often each was asked, and when first.
    pub lookups: HashMap<Asked, (u64, Instant)>,
    bytes: usize,
    pub counts: HashMap<(RepoId, Protocol), Counts>,
    pub restores: HashMap<EntryId, Restores>,
    /// The packs of snapshots that were saved, the first snapshot first.
    pub parts: BTreeMap<EntryId, Vec<EntryId>>,
    /// Lookups that found no room.
    pub dropped: u64,
}

/// Where events gather.
#[derive(Debug)]
pub(in crate::service) struct EventLog {
    /// Nothing is gathered when it is off.
    on: bool,
    gathered: Mutex<Gathered>,
    /// The signatures of download URLs, each with its entry and when it was handed out.
    handed_out: Mutex<HashMap<String, (EntryId, Instant)>>,
    many: Notify,
    /// Held by who writes, so that whoever waits for it finds everything written.
    pub(super) writing: tokio::sync::Mutex<()>,
}

impl EventLog {
    pub(in crate::service) fn new(on: bool) -> Self {
        Self {
            on,
            gathered: Mutex::default(),
            handed_out: Mutex::default(),
            many: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Notes a lookup. A snapshot's packs are looked up one by one, and that they are there is no news: the lookup of
    /// their snapshot stands for all.
    pub(in crate::service) fn lookup(
        &self,
        caller: &Caller,
        protocol: Protocol,
        keys: &[String],
        version: &str,
        found: Option<&Found>,
    ) {
        let Some(primary) = keys.first().filter(|_| self.on) else { return };
        let outcome = match service::Outcome::of(found, keys) {
            service::Outcome::Hit => Outcome::Hit,
            service::Outcome::Partial => Outcome::Partial,
            service::Outcome::Miss => Outcome::Miss,
        };
        if let Some(found) = found {
            self.hand_out(found);
        }
        if found.is_some() && primary.starts_with(PACK_PREFIX) {
            return;
        }
        let asked = asked(caller, protocol, keys, version, outcome, found);
        let mut gathered = lock(&self.gathered);
        let counts = gathered.counts(caller.repository.id, protocol);
        match outcome {
            Outcome::Hit => counts.hits += 1,
            Outcome::Partial => counts.partial_hits += 1,
            Outcome::Miss => counts.misses += 1,
        }
        if let Some(found) = found {
            gathered.uses(found.entry).found += 1;
        }
        gathered.add(asked);
        if gathered.lookups.len() >= BATCH {
            self.many.notify_one();
        }
    }

    /// Notes a save.
    pub(in crate::service) fn saved(&self, repo: RepoId, protocol: Protocol, bytes: u64) {
        self.count(repo, protocol, |counts| {
            counts.saves += 1;
            counts.bytes_in += bytes;
        });
    }

    /// Notes bytes that went to whoever restores.
    pub(in crate::service) fn sent(&self, repo: RepoId, bytes: u64) {
        self.count(repo, Protocol::Blobs, |counts| counts.bytes_out += bytes);
    }

    /// Notes bytes of a save that needed no storing.
    pub(in crate::service) fn deduplicated(&self, repo: RepoId, bytes: u64) {
        self.count(repo, Protocol::Blobs, |counts| counts.bytes_deduplicated += bytes);
    }

    /// Notes the packs that a new snapshot names.
    pub(in crate::service) fn parts(&self, snapshot: EntryId, packs: Vec<EntryId>) {
        let mut gathered = lock(&self.gathered);
        if self.on && gathered.parts.len() < OTHERS {
            gathered.parts.insert(snapshot, packs);
        }
    }

    /// The entry that a download URL of this signature was handed out for, and when.
    pub(in crate::service) fn lookup_of(&self, signature: &str) -> Option<(EntryId, Instant)> {
        lock(&self.handed_out).get(signature).copied()
    }

    /// Notes that a download came to its end.
    pub(in crate::service) fn restored(&self, entry: EntryId, took: Duration) {
        let mut gathered = lock(&self.gathered);
        let uses = gathered.uses(entry);
        uses.timed += 1;
        uses.took += took;
    }

    /// Comes when there are many.
    pub(in crate::service) async fn many(&self) {
        self.many.notified().await;
    }

    pub(super) fn take(&self) -> Gathered {
        std::mem::take(&mut *lock(&self.gathered))
    }

    fn hand_out(&self, found: &Found) {
        let Some((_, signature)) = found.path.rsplit_once("sig=") else { return };
        let mut handed_out = lock(&self.handed_out);
        if handed_out.len() >= HANDED_OUT {
            handed_out.clear();
        }
        handed_out.insert(signature.to_owned(), (found.entry, Instant::now()));
    }

    fn count(&self, repo: RepoId, protocol: Protocol, add: impl FnOnce(&mut Counts)) {
        if self.on {
            add(lock(&self.gathered).counts(repo, protocol));
        }
    }
}

impl Gathered {
    fn add(&mut self, asked: Asked) {
        if let Some((times, _)) = self.lookups.get_mut(&asked) {
            *times += 1;
            return;
        }
        let bytes = size(&asked);
        if self.lookups.len() >= LOOKUPS || self.bytes + bytes > BYTES {
            self.dropped += 1;
            return;
        }
        self.bytes += bytes;
        self.lookups.insert(asked, (1, Instant::now()));
    }

    fn counts(&mut self, repo: RepoId, protocol: Protocol) -> &mut Counts {
        if self.counts.len() >= OTHERS && !self.counts.contains_key(&(repo, protocol)) {
            self.counts.clear();
        }
        self.counts.entry((repo, protocol)).or_default()
    }

    fn uses(&mut self, entry: EntryId) -> &mut Restores {
        if self.restores.len() >= OTHERS && !self.restores.contains_key(&entry) {
            self.restores.clear();
        }
        let none = Restores { entry, found: 0, timed: 0, took: Duration::ZERO };
        self.restores.entry(entry).or_insert(none)
    }
}

fn asked(
    caller: &Caller,
    protocol: Protocol,
    keys: &[String],
    version: &str,
    outcome: Outcome,
    found: Option<&Found>,
) -> Asked {
    let key = |key: &String| cut(key, MAX_NOTED_KEY).to_owned();
    let text = |text: &String| cut(text, MAX_NOTED_TEXT).to_owned();
    Asked {
        question: Question {
            repo: caller.repository.id,
            protocol,
            keys: keys.iter().map(key).collect(),
            version: cut(version, MAX_NOTED_TEXT).to_owned(),
            read: caller.scopes.read.iter().take(SCOPES).map(text).collect(),
            write: caller.scopes.write.as_ref().map(text),
        },
        outcome,
        matched: found.map(|found| Matched {
            entry: found.entry,
            key: key(&found.key),
            scope: text(&found.scope),
        }),
    }
}

fn size(asked: &Asked) -> usize {
    let Asked { question, matched, .. } = asked;
    let texts = question.keys.iter().chain(&question.read).chain(&question.write);
    let matched = matched.as_ref().map_or(0, |matched| matched.key.len() + matched.scope.len());
    texts.map(|text| text.len() + size_of::<String>()).sum::<usize>() + question.version.len() + matched
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use snowbank_actions::scope::Scopes;
    use snowbank_catalog::ids::{DomainId, Timestamp};
    use snowbank_catalog::rooms::Repository;

    use super::*;

    fn caller() -> Caller {
        let repository = Repository { id: RepoId(1), name: "acme/app".to_owned(), domain: DomainId(1) };
        Caller { repository, scopes: Scopes::read_write("refs/heads/main") }
    }

    fn ask(log: &EventLog, key: &str, found: Option<&Found>) {
        log.lookup(&caller(), Protocol::V2, &[key.to_owned()], "v", found);
    }

    fn found(key: &str) -> Found {
        Found {
            entry: EntryId(7),
            key: key.to_owned(),
            scope: "refs/heads/main".to_owned(),
            version: "v".to_owned(),
            created: Timestamp(0),
            path: "/blobs/download/1?se=5&sig=abc".to_owned(),
        }
    }

    #[test]
    fn what_is_asked_again_is_counted() {
        let log = EventLog::new(true);
        for key in ["a", "a", "b"] {
            ask(&log, key, None);
        }
        ask(&log, "a", Some(&found("a")));
        ask(&log, "a", Some(&found("a-1")));
        let gathered = log.take();
        let mut times: Vec<_> = gathered.lookups.values().map(|(times, _)| *times).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 1, 1, 2]);
        let counts = gathered.counts[&(RepoId(1), Protocol::V2)];
        assert_eq!((counts.hits, counts.partial_hits, counts.misses), (1, 1, 3));
        assert_eq!(gathered.restores[&EntryId(7)].found, 2);
        assert_eq!(log.take().lookups.len(), 0);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_left_out() {
        let log = EventLog::new(true);
        for number in 0..LOOKUPS + 10 {
            ask(&log, &number.to_string(), None);
        }
        let gathered = log.take();
        assert_eq!((gathered.lookups.len(), gathered.dropped), (LOOKUPS, 10));
        assert_eq!(gathered.counts[&(RepoId(1), Protocol::V2)].misses, LOOKUPS as u64 + 10);
        let keys = vec!["ä".repeat(5000); 10];
        for number in 0..LOOKUPS {
            let mut keys = keys.clone();
            keys[0].insert_str(0, &number.to_string());
            log.lookup(&caller(), Protocol::V2, &keys, "v", None);
        }
        let gathered = log.take();
        assert!(gathered.bytes <= BYTES && gathered.dropped > 0);
    }

    #[test]
    fn packs_that_are_there_are_no_news() {
        let log = EventLog::new(true);
        ask(&log, "snowbank-pack-1", Some(&found("snowbank-pack-1")));
        assert!(log.take().lookups.is_empty());
        ask(&log, "snowbank-pack-1", None);
        assert_eq!(log.take().lookups.len(), 1);
    }

    #[test]
    fn nothing_gathers_when_it_is_off() {
        let log = EventLog::new(false);
        ask(&log, "a", Some(&found("a")));
        log.saved(RepoId(1), Protocol::V1, 5);
        log.sent(RepoId(1), 5);
        log.parts(EntryId(1), vec![EntryId(2)]);
        let gathered = log.take();
        assert!(gathered.lookups.is_empty() && gathered.counts.is_empty() && gathered.parts.is_empty());
        assert!(log.lookup_of("abc").is_none());
    }

    #[test]
    fn a_download_is_known_by_its_signature() {
        let log = EventLog::new(true);
        ask(&log, "a", Some(&found("a")));
        assert_eq!(log.lookup_of("abc").unwrap().0, EntryId(7));
        assert!(log.lookup_of("other").is_none());
        log.restored(EntryId(7), Duration::from_secs(2));
        let uses = log.take().restores[&EntryId(7)];
        assert_eq!((uses.found, uses.timed, uses.took), (1, 1, Duration::from_secs(2)));
    }
}
