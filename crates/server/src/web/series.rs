//! `/r/OWNER/NAME/s/SERIES`: the generations of a series of snapshots, what each of them cost and how it was used.

use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::Save;

use super::failure::Failure;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview, to_repository};
use super::parts::{Chart, Stack, bytes, count, counted, older, plain_heads, stacks, took, when};
use super::query::{PAGE, Params};
use crate::service::{EventQuery, Service};

/// `GET /r/OWNER/NAME/s/SERIES?before=N`.
pub(super) async fn page(
    State(service): State<Service>,
    Path((owner, name, series)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let params = Params::read(&query.unwrap_or_default(), &["before"]);
    let asked =
        EventQuery { key_prefix: Some(format!("{series}#")), before: params.before(), limit: PAGE as u64 };
    let saves = service.events_of_saves(visitor.onlooker(), &asked, false).await?;
    let next = saves.last().map(|save| save.id).filter(|_| saves.len() == PAGE);
    let generations: Vec<Generation<'_>> =
        saves.iter().filter_map(|save| Generation::of(save, &series)).collect();
    let now = service.now().await?;
    let repository = visitor.name().to_owned();
    let above = [to_overview(), to_repository(&repository)];
    let place = Place { title: &series, above: &above, identity: guest.identity() };
    let content = html! {
        p.lead {
            "Each save of this series of snapshots: its own bytes and those of the packs that it was the first to \
             name. What is new is what was not stored before in any form."
        }
        @if generations.is_empty() {
            p.empty { "No save of this series is remembered." }
        } @else {
            (chart(&generations))
            (table(&generations, now))
        }
        (older(&params, next))
    };
    Ok(framed(&place, &content))
}

/// A save of a series.
struct Generation<'a> {
    /// Its number.
    number: &'a str,
    save: &'a Save,
    /// Bytes that were uploaded.
    uploaded: u64,
    /// Bytes of them that were not stored before; none until all is recoded.
    new: Option<u64>,
    /// Milliseconds from the first reservation to its being visible.
    took: u64,
}

impl<'a> Generation<'a> {
    /// None where the key is no generation's: one that is longer may begin alike.
    fn of(save: &'a Save, series: &str) -> Option<Self> {
        let number = save.slot.key.strip_prefix(series)?.strip_prefix('#')?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let added = save.added.filter(|_| save.parts.pending == 0);
        let begun = save.parts.begun.map_or(save.begun, |first| first.min(save.begun));
        Some(Self {
            number,
            save,
            uploaded: save.size.saturating_add(save.parts.size),
            new: added.map(|added| added.saturating_add(save.parts.added)),
            took: u64::try_from(save.finished.0.saturating_sub(begun.0)).unwrap_or(0),
        })
    }

    /// What was new for people.
    fn new_told(&self) -> String {
        self.new.map_or_else(|| "not known yet".to_owned(), bytes)
    }
}

fn chart(generations: &[Generation<'_>]) -> Markup {
    let chart = Chart {
        caption: "Bytes by generation",
        kinds: &["new", "stored before", "not known yet"],
        mark: None,
        heads: &[("Generation", false), ("Uploaded", true), ("New", true)],
        unit: bytes,
    };
    let stack = |one: &Generation<'_>| {
        let shares = match one.new {
            // What is stored in another form may be more than what came.
            Some(new) => [new.min(one.uploaded), one.uploaded.saturating_sub(new), 0],
            None => [0, 0, one.uploaded],
        };
        Stack {
            label: format!("#{}", one.number),
            shares: shares.into(),
            mark: None,
            told: vec![bytes(one.uploaded), one.new_told()],
        }
    };
    stacks(&chart, &generations.iter().rev().map(stack).collect::<Vec<_>>())
}

fn table(generations: &[Generation<'_>], now: Timestamp) -> Markup {
    let columns = [
        ("Generation", false),
        ("Ref", false),
        ("Uploaded", true),
        ("New", true),
        ("Took", true),
        ("Restores", true),
        ("Restoring took", true),
        ("Saved", true),
    ];
    html! {
        div.box {
            table.cards role="table" {
                caption.hidden { "Generations, the newest first" }
                (plain_heads(&columns))
                tbody role="rowgroup" {
                    @for one in generations {
                        @let save = one.save;
                        tr role="row" {
                            th scope="row" role="rowheader" { span.key { "#" (one.number) } }
                            td role="cell" data-label="Ref" { span.ref { (save.slot.scope) } }
                            td.num role="cell" data-label="Uploaded" {
                                span {
                                    (bytes(one.uploaded))
                                    @if save.parts.count > 0 {
                                        " " span.muted { "(" (counted(save.parts.count, "pack", "packs")) ")" }
                                    }
                                }
                            }
                            td.num role="cell" data-label="New" { (one.new_told()) }
                            td.num role="cell" data-label="Took" { (took(one.took)) }
                            td.num role="cell" data-label="Restores" { (count(save.restores)) }
                            td.num role="cell" data-label="Restoring took" {
                                @match save.restore_millis.checked_div(save.timed) {
                                    Some(millis) => (took(millis)),
                                    None => "–",
                                }
                            }
                            td.num role="cell" data-label="Saved" { (when(save.finished, now)) }
                        }
                    }
                }
            }
        }
    }
}
