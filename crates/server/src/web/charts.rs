//! Charts of the last days that several pages show.

use maud::{Markup, html};
use snowbank_catalog::rooms::NewSample;

use super::parts::{Chart, Stack, bytes, count, day, stacks};
use crate::service::{Answers, ByDay};

/// What lookups found; nothing where there were none.
pub(super) fn answers(days: &ByDay<Answers>) -> Markup {
    if days.iter().all(|(_, answers)| *answers == Answers::default()) {
        return html! {};
    }
    let chart = Chart {
        caption: "Lookups by day",
        kinds: &["hits", "partial hits", "misses"],
        mark: None,
        heads: &[("Day", false), ("Hits", true), ("Partial hits", true), ("Misses", true)],
        unit: count,
    };
    let stack = |(time, answers): &(_, Answers)| {
        let shares = [answers.hits, answers.partial_hits, answers.misses];
        Stack { label: day(*time), shares: shares.into(), mark: None, told: shares.map(count).into() }
    };
    stacks(&chart, &days.iter().map(stack).collect::<Vec<_>>())
}

/// What was stored against what may be: a repository's entries, or what lies on the disk where that is known.
pub(super) fn stored(days: &ByDay<Option<NewSample>>, caption: &str) -> Markup {
    if days.iter().all(|(_, sample)| sample.is_none()) {
        return html! {};
    }
    let bounded = days.iter().any(|(_, sample)| sample.is_some_and(|sample| sample.bound.is_some()));
    let chart = Chart {
        caption,
        kinds: &["stored"],
        mark: bounded.then_some("limit"),
        heads: &[("Day", false), ("Stored", true), ("Limit", true), ("Entries", true)],
        unit: bytes,
    };
    let stack = |(time, sample): &(_, Option<NewSample>)| {
        let used = sample.map_or(0, |sample| sample.disk.unwrap_or(sample.bytes));
        let bound = sample.and_then(|sample| sample.bound);
        let entries = sample.map_or(0, |sample| sample.entries);
        let told = vec![bytes(used), bound.map_or_else(|| "none".to_owned(), bytes), count(entries)];
        Stack { label: day(*time), shares: vec![used], mark: bound, told }
    };
    stacks(&chart, &days.iter().map(stack).collect::<Vec<_>>())
}
