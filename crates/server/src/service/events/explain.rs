//! Why a lookup found nothing, decided from what there is and was near it.

use std::cmp::Reverse;

use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::{MissReason, NearRemoval, NearUpload, Nearby, Question, RemovalReason, Slot};

use crate::service::snapshots::PACK_PREFIX;

/// Keys that are told where nothing begins as was asked.
const NEAREST: usize = 3;

/// Why nothing was found by who asked at this time. What was begun after that is no reason: it is what he saved himself, as
/// a rule. *Wanted* is what would have been: in the version that was asked for and a scope that was looked
/// in, beginning with one of the keys. The first of these that holds is the reason:
///
/// 1. Something wanted was being saved: an upload of it runs, or it has become visible since.
/// 2. Something wanted went, or its upload never came to an end; of several, what happened last.
/// 3. A key is there in a scope that was looked in, in another version.
/// 4. A key is there in a scope that was not looked in; rather in the version that was asked for.
/// 5. Nothing begins with any of the keys.
///
/// Among equals the earlier of the keys counts, then what is newer.
#[must_use]
pub(super) fn explain(question: &Question, asked: Timestamp, mut nearby: Nearby) -> MissReason {
    nearby.uploads.retain(|upload| upload.begun <= asked);
    nearby.entries.retain(|entry| entry.begun <= asked);
    let nearby = &nearby;
    let reason = being_saved(question, nearby).or_else(|| gone(question, nearby));
    reason.or_else(|| elsewhere(question, nearby)).unwrap_or_else(|| no_such_key(question, nearby))
}

/// The place of the first key that begins a slot's, if any does.
fn rank(question: &Question, slot: &Slot) -> Option<usize> {
    question.keys.iter().position(|key| slot.key.starts_with(key.as_str()))
}

fn sees(question: &Question, slot: &Slot) -> bool {
    question.read.contains(&slot.scope)
}

fn wanted(question: &Question, slot: &Slot) -> Option<usize> {
    rank(question, slot).filter(|_| slot.version == question.version && sees(question, slot))
}

fn being_saved(question: &Question, nearby: &Nearby) -> Option<MissReason> {
    let running = nearby.uploads.iter().filter(|upload| upload.ended.is_none());
    let running = running.map(|upload| (&upload.slot, upload.begun));
    let visible = nearby.entries.iter().map(|entry| (&entry.slot, entry.created));
    let saving = running.chain(visible);
    let ranked = saving.filter_map(|(slot, since)| Some((wanted(question, slot)?, Reverse(since), slot)));
    let (_, Reverse(since), slot) = ranked.min_by_key(|(rank, since, _)| (*rank, *since))?;
    Some(MissReason::BeingSaved { key: slot.key.clone(), since })
}

fn gone(question: &Question, nearby: &Nearby) -> Option<MissReason> {
    let removal = |gone: &NearRemoval| {
        let at = gone.removed;
        let reason = |key: String| match gone.reason {
            RemovalReason::Retention => MissReason::Expired { key, at },
            RemovalReason::Damaged => MissReason::Damaged { key, at },
            why => MissReason::Evicted { key, at, why, by: gone.by.clone() },
        };
        Some((Reverse(at), wanted(question, &gone.slot)?, reason(gone.slot.key.clone())))
    };
    let upload = |upload: &NearUpload| {
        let (begun, ended) = (upload.begun, upload.ended?);
        let reason = MissReason::Unfinished { key: upload.slot.key.clone(), begun, ended };
        Some((Reverse(ended), wanted(question, &upload.slot)?, reason))
    };
    let all = nearby.removals.iter().filter_map(removal).chain(nearby.uploads.iter().filter_map(upload));
    all.min_by_key(|(at, rank, _)| (*at, *rank)).map(|(_, _, reason)| reason)
}

fn elsewhere(question: &Question, nearby: &Nearby) -> Option<MissReason> {
    let place = |slot: &Slot| (!sees(question, slot), slot.version != question.version);
    let ranked = nearby.entries.iter().filter_map(|entry| {
        let order: (_, _, Reverse<Timestamp>) =
            (place(&entry.slot), rank(question, &entry.slot)?, Reverse(entry.created));
        Some((order, &entry.slot))
    });
    let ((hidden, _), Slot { key, scope, version }) =
        ranked.min_by_key(|(order, _)| *order).map(|((place, ..), slot)| (place, slot.clone()))?;
    Some(if hidden {
        MissReason::OtherScope { key, scope, version }
    } else {
        MissReason::OtherVersion { key, scope, version }
    })
}

fn no_such_key(question: &Question, nearby: &Nearby) -> MissReason {
    let primary = question.keys.first().map_or("", String::as_str);
    let same = |key: &str| key.bytes().zip(primary.bytes()).take_while(|(own, asked)| own == asked).count();
    let told = |key: &&String| primary.starts_with(PACK_PREFIX) || !key.starts_with(PACK_PREFIX);
    let alike = nearby.neighbours.iter().filter(told).filter(|key| same(key) > 0);
    let mut nearest: Vec<String> = alike.cloned().collect();
    nearest.sort_by_key(|key| Reverse(same(key)));
    nearest.truncate(NEAREST);
    MissReason::NoSuchKey { nearest }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snowbank_catalog::ids::RepoId;
    use snowbank_catalog::rooms::{NearEntry, Protocol};

    use super::*;

    /// After everything that the tests make up.
    const LATER: Timestamp = Timestamp(1000);

    fn slot(scope: &str, key: &str, version: &str) -> Slot {
        Slot { scope: scope.to_owned(), key: key.to_owned(), version: version.to_owned() }
    }

    fn question() -> Question {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Question {
            repo: RepoId(1),
            protocol: Protocol::V2,
            keys: texts(&["k-1", "k-"]),
            version: "v".to_owned(),
            read: texts(&["dev", "main"]),
            write: None,
        }
    }

    fn slots() -> impl Strategy<Value = Slot> {
        ("dev|main|other", "k-1|k-2|l", "v|w").prop_map(|(scope, key, version)| slot(&scope, &key, &version))
    }

    fn nearby() -> impl Strategy<Value = Nearby> {
        let time = || (0..50i64).prop_map(Timestamp);
        let entry = (slots(), time()).prop_map(|(slot, created)| NearEntry { slot, begun: created, created });
        let reason = prop::sample::select(vec![
            RemovalReason::RepositoryLimit,
            RemovalReason::Retention,
            RemovalReason::DiskBound,
            RemovalReason::Deleted,
            RemovalReason::Damaged,
        ]);
        let removal = (slots(), time(), reason).prop_map(|(slot, removed, reason)| NearRemoval {
            slot,
            removed,
            reason,
            by: None,
        });
        let upload = (slots(), time(), prop::option::of(time()))
            .prop_map(|(slot, begun, ended)| NearUpload { slot, begun, ended });
        (
            prop::collection::vec(entry, 0..4),
            prop::collection::vec(removal, 0..4),
            prop::collection::vec(upload, 0..4),
            prop::collection::vec("[a-m]{0,3}", 0..5),
        )
            .prop_map(|(entries, removals, uploads, neighbours)| Nearby {
                entries,
                removals,
                uploads,
                neighbours,
            })
    }

    /// The place of a reason in the order of precedence.
    fn order(reason: &MissReason) -> u8 {
        match reason {
            MissReason::BeingSaved { .. } => 1,
            MissReason::Unfinished { .. }
            | MissReason::Expired { .. }
            | MissReason::Damaged { .. }
            | MissReason::Evicted { .. } => 2,
            MissReason::OtherVersion { .. } => 3,
            MissReason::OtherScope { .. } => 4,
            MissReason::NoSuchKey { .. } => 5,
        }
    }

    proptest! {
        /// The reason is one of the facts, and the first of the precedence for which there is a fact.
        #[test]
        fn a_reason_is_a_fact_and_the_first_that_there_is(nearby in nearby()) {
            let question = question();
            let want = |slot: &Slot| slot.key.starts_with("k-") && slot.version == "v" && slot.scope != "other";
            let saving = nearby.uploads.iter().any(|upload| upload.ended.is_none() && want(&upload.slot))
                || nearby.entries.iter().any(|entry| want(&entry.slot));
            let gone = nearby.removals.iter().any(|removal| want(&removal.slot))
                || nearby.uploads.iter().any(|upload| upload.ended.is_some() && want(&upload.slot));
            let version = nearby.entries.iter().any(|entry| entry.slot.key.starts_with("k-") && entry.slot.scope != "other");
            let scope = nearby.entries.iter().any(|entry| entry.slot.key.starts_with("k-"));
            let expected = [saving, gone, version, scope, true].iter().position(|holds| *holds).unwrap() + 1;
            let reason = explain(&question, LATER, nearby.clone());
            prop_assert_eq!(usize::from(order(&reason)), expected, "{:?}", reason);
            match &reason {
                MissReason::BeingSaved { key, since } => prop_assert!(
                    nearby.uploads.iter().any(|one| one.slot.key == *key && one.begun == *since && one.ended.is_none())
                        || nearby.entries.iter().any(|one| one.slot.key == *key && one.created == *since)
                ),
                MissReason::Unfinished { key, begun, ended } => {
                    let (key, begun, ended) = (key.as_str(), *begun, Some(*ended));
                    let same = |one: &NearUpload| (one.slot.key.as_str(), one.begun, one.ended) == (key, begun, ended);
                    prop_assert!(nearby.uploads.iter().any(same));
                }
                MissReason::Expired { key, at } | MissReason::Damaged { key, at } | MissReason::Evicted { key, at, .. } => {
                    prop_assert!(nearby.removals.iter().any(|one| one.slot.key == *key && one.removed == *at));
                }
                MissReason::OtherVersion { key, scope, version } => {
                    prop_assert!(scope != "other" && version != "v");
                    prop_assert!(nearby.entries.iter().any(|one| one.slot == slot(scope, key, version)));
                }
                MissReason::OtherScope { key, scope, version } => {
                    prop_assert!(scope == "other");
                    prop_assert!(nearby.entries.iter().any(|one| one.slot == slot(scope, key, version)));
                }
                MissReason::NoSuchKey { nearest } => {
                    prop_assert!(nearest.iter().all(|key| nearby.neighbours.contains(key)));
                }
            }
        }

        /// Nothing that was not asked for changes anything.
        #[test]
        fn other_keys_do_not_matter(nearby in nearby(), created in 0..50i64) {
            let question = question();
            let mut more = nearby.clone();
            more.entries.push(NearEntry { slot: slot("main", "x", "v"), begun: Timestamp(created), created: Timestamp(created) });
            prop_assert_eq!(explain(&question, LATER, more), explain(&question, LATER, nearby));
        }
    }

    #[test]
    fn what_happened_last_is_the_reason() {
        let removal = |key: &str, at, reason| NearRemoval {
            slot: slot("main", key, "v"),
            removed: Timestamp(at),
            reason,
            by: None,
        };
        let mut nearby = Nearby {
            removals: vec![
                removal("k-1", 5, RemovalReason::Retention),
                removal("k-2", 9, RemovalReason::DiskBound),
            ],
            ..Nearby::default()
        };
        let evicted = MissReason::Evicted {
            key: "k-2".to_owned(),
            at: Timestamp(9),
            why: RemovalReason::DiskBound,
            by: None,
        };
        assert_eq!(explain(&question(), LATER, nearby.clone()), evicted);
        let (begun, ended) = (Timestamp(10), Timestamp(11));
        nearby.uploads.push(NearUpload { slot: slot("dev", "k-1", "v"), begun, ended: Some(ended) });
        let unfinished = MissReason::Unfinished { key: "k-1".to_owned(), begun, ended };
        assert_eq!(explain(&question(), LATER, nearby), unfinished);
    }

    #[test]
    fn what_was_begun_after_the_lookup_is_no_reason() {
        let (before, asked, after) = (Timestamp(4), Timestamp(5), Timestamp(6));
        let entry = |begun| NearEntry { slot: slot("main", "k-1", "v"), begun, created: after };
        let upload = |begun| NearUpload { slot: slot("main", "k-1", "v"), begun, ended: None };
        let own = Nearby { entries: vec![entry(after)], uploads: vec![upload(after)], ..Nearby::default() };
        let nothing = MissReason::NoSuchKey { nearest: Vec::new() };
        assert_eq!(explain(&question(), asked, own.clone()), nothing);
        let saving = |since| MissReason::BeingSaved { key: "k-1".to_owned(), since };
        let others = Nearby { entries: vec![entry(before)], ..own.clone() };
        assert_eq!(explain(&question(), asked, others), saving(after));
        let others = Nearby { uploads: vec![upload(asked)], ..own };
        assert_eq!(explain(&question(), asked, others), saving(asked));
    }

    #[test]
    fn the_keys_most_alike_are_told() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let neighbours = texts(&["a", "k", "k-0", "k-x", "l", "k-y", "snowbank-pack-1"]);
        let nearby = Nearby { neighbours, ..Nearby::default() };
        let nearest = texts(&["k-0", "k-x", "k-y"]);
        assert_eq!(explain(&question(), LATER, nearby), MissReason::NoSuchKey { nearest });
    }
}
