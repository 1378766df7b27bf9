//! `/r/OWNER/NAME/next` and `/next`: what goes next of what nobody uses, and when.

use axum::extract::{Path, State};
use axum::response::Html;
use maud::{Markup, html};

use super::failure::Failure;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview, to_repository};
use super::parts::{Bar, ahead, bars, bytes, count, every, key, meter, plain_heads, span, when};
use crate::service::{Going, GoingEntry, GoingFor, Service};

/// Bars of the chart: today, the days after it, and what comes later.
const DAYS: usize = 8;
/// Milliseconds.
const DAY: i64 = 86_400_000;

/// Of one repository.
pub(super) async fn of_repository(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let going = service.going_of(&visitor).await?;
    let repository = format!("{owner}/{name}");
    let above = [to_overview(), to_repository(&repository)];
    let place = Place { title: "What goes next", above: &above, identity: guest.identity() };
    let kept = service.limits_of(&repository).await?.retention.0;
    let rule = html! {
        "What nobody used for " (span(kept)) " goes, and while the repository has more than it may have, what was \
         used least recently. This is looked after " (every(service.settings().times.upkeep.0)) "."
    };
    Ok(framed(&place, &content(&going, &rule, false)))
}

/// Of the whole server, for an administrator.
pub(super) async fn of_server(
    State(service): State<Service>,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    guest.administers()?;
    let going = service.going().await?;
    let place = Place { title: "What goes next", above: &[to_overview()], identity: guest.identity() };
    let rule = html! {
        "While the disk has more than it may have, what was used least recently in any repository goes; before that, \
         what nobody used for its repository's retention. What a repository loses for its own size, its page shows."
    };
    Ok(framed(&place, &content(&going, &rule, true)))
}

fn content(going: &Going, rule: &Markup, of_all: bool) -> Markup {
    html! {
        p.lead { (rule) }
        dl.totals {
            div.wide { dt { @if of_all { "On disk" } @else { "Size" } } dd { (meter(going.bytes, going.limit)) } }
        }
        @if going.entries.is_empty() {
            p.empty { "There is nothing that could go." }
        } @else {
            (bars(&caption(going), &days(going)))
            (table(going, of_all))
        }
    }
}

fn caption(going: &Going) -> String {
    let whole = "Bytes that go by day, unless somebody uses them before";
    if going.more {
        format!("{whole}: of the first {}", count(going.entries.len() as u64))
    } else {
        whole.to_owned()
    }
}

fn days(going: &Going) -> Vec<Bar> {
    let mut sums = [0_u64; DAYS];
    for GoingEntry { entry, due, .. } in &going.entries {
        let day = usize::try_from(due.0.saturating_sub(going.now.0).max(0) / DAY).unwrap_or(DAYS);
        let sum = &mut sums[day.min(DAYS - 1)];
        *sum = sum.saturating_add(entry.size);
    }
    let label = |day: usize| match day {
        0 => "today".to_owned(),
        1 => "1 day".to_owned(),
        last if last == DAYS - 1 => "later".to_owned(),
        day => format!("{day} days"),
    };
    let bar = |(day, &value): (usize, &u64)| Bar { label: label(day), value, told: bytes(value) };
    sums.iter().enumerate().map(bar).collect()
}

fn table(going: &Going, of_all: bool) -> Markup {
    let columns =
        [("Key", false), ("Ref", false), ("Size", true), ("Last used", true), ("Goes", true), ("Why", false)];
    html! {
        div.box {
            table.cards role="table" {
                caption.hidden { "Entries in the order of their going" }
                (plain_heads(&columns))
                tbody role="rowgroup" {
                    @for GoingEntry { repository, entry, due, why } in &going.entries {
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                (key(&entry.slot.key))
                                @if of_all { p.note { a href={ "/r/" (repository) } { (repository) } } }
                            }
                            td role="cell" data-label="Ref" { span.ref { (entry.slot.scope) } }
                            td.num role="cell" data-label="Size" { (bytes(entry.size)) }
                            td.num role="cell" data-label="Last used" { (when(entry.accessed, going.now)) }
                            td.num role="cell" data-label="Goes" {
                                @if *due > going.now { (when(*due, going.now)) } @else { (next_upkeep()) }
                            }
                            td.why role="cell" data-label="Why" { (reason(*why)) }
                        }
                    }
                }
            }
        }
        @if going.more { p.muted { "These are the first; the last of them goes " (last(going)) "." } }
    }
}

fn next_upkeep() -> &'static str {
    "next upkeep"
}

fn last(going: &Going) -> String {
    going.entries.last().map(|last| ahead(last.due, going.now)).unwrap_or_default()
}

fn reason(why: GoingFor) -> &'static str {
    match why {
        GoingFor::Retention => "unused",
        GoingFor::Size => "over its size",
        GoingFor::Disk => "disk over its bound",
    }
}

#[cfg(test)]
mod tests {
    use snowbank_catalog::ids::{EntryId, RepoId, Timestamp};
    use snowbank_catalog::rooms::{Entry, Slot};

    use super::*;

    #[test]
    fn what_is_late_goes_today_and_what_is_far_goes_later() {
        let now = Timestamp(100 * DAY);
        let entry = |due: i64, size| {
            let slot = Slot { scope: "s".into(), key: "k".into(), version: "v".into() };
            let entry = Entry {
                id: EntryId(1),
                repo: RepoId(1),
                slot,
                size,
                created: Timestamp(0),
                accessed: Timestamp(0),
            };
            let due = Timestamp(due);
            GoingEntry { repository: "a/b".into(), entry, due, why: GoingFor::Retention }
        };
        let entries = vec![entry(0, 1), entry(now.0 + DAY - 1, 2), entry(now.0 + DAY, 4), entry(i64::MAX, 8)];
        let going = Going { entries, more: false, bytes: 0, limit: None, now };
        let values: Vec<_> = days(&going).iter().map(|bar| bar.value).collect();
        assert_eq!(values, [3, 4, 0, 0, 0, 0, 0, 8]);
    }
}
