//! Lookups, and why they missed.

use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::{Lookup, MissReason, Outcome};

use super::{Asked, Listed, repository};
use crate::service::{Result, Service, why_missed};
use crate::web::parts::{counted, key, plain_heads, when};
use crate::web::query::Params;

/// Outcomes by their names in the address, each with what one and several of them are called.
const OUTCOMES: [(&str, Outcome, &str, &str); 3] = [
    ("hit", Outcome::Hit, "hit", "Hits"),
    ("partial", Outcome::Partial, "partial hit", "Partial hits"),
    ("miss", Outcome::Miss, "miss", "Misses"),
];

pub(super) async fn list(service: &Service, asked: &Asked) -> Result<Listed> {
    let wanted = OUTCOMES.iter().find(|(name, ..)| asked.params.get("outcome") == Some(name));
    let outcome = wanted.map(|(_, outcome, ..)| *outcome);
    let found = service.events_of_lookups(asked.onlooker, &asked.query, outcome).await?;
    let columns = [("Key", false), ("Ref", false), ("Outcome", false), ("Why", false), ("When", true)];
    let table = html! {
        table.cards role="table" {
            caption.hidden { "Lookups, the newest first" }
            (plain_heads(&columns))
            tbody role="rowgroup" { @for lookup in &found { (row(asked, lookup)) } }
        }
    };
    Ok(Listed { table, lines: found.len(), last: found.last().map(|lookup| lookup.id) })
}

/// Links to the lookups of one outcome.
pub(super) fn outcomes(params: &Params) -> Markup {
    let params = params.without("before").with("kind", "lookups");
    let current = params.get("outcome");
    let all = current.is_none_or(|asked| OUTCOMES.iter().all(|(name, ..)| *name != asked));
    html! {
        nav.choice aria-label="Outcomes" {
            a href=(params.without("outcome")) aria-current=[all.then_some("true")] { "All" }
            @for (name, _, _, label) in OUTCOMES {
                a href=(params.with("outcome", name)) aria-current=[(current == Some(name)).then_some("true")] {
                    (label)
                }
            }
        }
    }
}

fn row(asked: &Asked, lookup: &Lookup) -> Markup {
    let question = &lookup.question;
    let (name, label) = OUTCOMES
        .iter()
        .find(|(_, outcome, ..)| *outcome == lookup.outcome)
        .map_or(("", ""), |(name, _, label, _)| (*name, *label));
    let scope = question.write.as_ref().or(question.read.first()).map_or("", String::as_str);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (key(question.keys.first().map_or("", String::as_str)))
                @for other in question.keys.iter().skip(1) { p.note { "or begins with " (other) } }
                (repository(asked, &lookup.repository))
            }
            td role="cell" data-label="Ref" { span.ref { (scope) } }
            td role="cell" data-label="Outcome" {
                span {
                    span class={ "outcome " (name) } { (label) }
                    @if lookup.times > 1 { " " span.muted { (counted(lookup.times, "time", "times")) } }
                }
            }
            td.reason role="cell" data-label="Why" { span { (why(lookup, asked.now)) } }
            td.num role="cell" data-label="When" { (when(lookup.moment, asked.now)) }
        }
    }
}

fn why(lookup: &Lookup, now: Timestamp) -> Markup {
    html! {
        @match (&lookup.matched, &lookup.reason) {
            (Some(matched), _) => {
                @if lookup.outcome == Outcome::Partial { "found " span.key { (matched.key) } ", saved on " }
                @else { "saved on " }
                span.ref { (matched.scope) }
            }
            (None, Some(reason)) => {
                (quoted(&why_missed(reason, &lookup.question))) (more(reason, now))
            }
            (None, None) if lookup.outcome == Outcome::Miss => span.muted { "was not looked into" },
            (None, None) => "",
        }
    }
}

/// A sentence whose keys stand out; one that has the mark of a quotation itself changes no more than that.
fn quoted(sentence: &str) -> Markup {
    html! {
        @for (at, part) in sentence.split('`').enumerate() {
            @if at % 2 == 1 { span.key { (part) } } @else { (part) }
        }
    }
}

/// What a sentence leaves out.
fn more(reason: &MissReason, now: Timestamp) -> Markup {
    html! {
        @match reason {
            MissReason::Evicted { at, by, .. } => {
                ", " (when(*at, now))
                @if let Some(by) = by { " (" (by) ")" }
            }
            MissReason::Expired { at, .. } | MissReason::Damaged { at, .. } | MissReason::Unfinished { ended: at, .. } => {
                ", " (when(*at, now))
            }
            MissReason::NoSuchKey { nearest } if !nearest.is_empty() => {
                "; most like it: " (nearest.join(", "))
            }
            _ => "",
        }
    }
}
