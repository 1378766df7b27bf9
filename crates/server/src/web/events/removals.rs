//! Entries that went, and why.

use maud::{Markup, html};
use snowbank_catalog::rooms::Removal;

use super::{Asked, Listed, repository};
use crate::service::{Result, Service, why_gone};
use crate::web::parts::{bytes, key, plain_heads, when};

pub(super) async fn list(service: &Service, asked: &Asked) -> Result<Listed> {
    let found = service.events_of_removals(asked.onlooker, &asked.query).await?;
    let columns =
        [("Key", false), ("Ref", false), ("Size", true), ("Why", false), ("Last used", true), ("Went", true)];
    let table = html! {
        table.cards role="table" {
            caption.hidden { "Entries that went, the latest first" }
            (plain_heads(&columns))
            tbody role="rowgroup" { @for removal in &found { (row(asked, removal)) } }
        }
    };
    Ok(Listed { table, lines: found.len(), last: found.last().map(|removal| removal.id) })
}

fn row(asked: &Asked, removal: &Removal) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (key(&removal.slot.key))
                (repository(asked, &removal.repository))
            }
            td role="cell" data-label="Ref" { span.ref { (removal.slot.scope) } }
            td.num role="cell" data-label="Size" { (bytes(removal.size)) }
            td.reason role="cell" data-label="Why" {
                span {
                    (why_gone(removal.reason))
                    @if let Some(by) = &removal.by { " (" (by) ")" }
                }
            }
            td.num role="cell" data-label="Last used" { (when(removal.accessed, asked.now)) }
            td.num role="cell" data-label="Went" { (when(removal.removed, asked.now)) }
        }
    }
}
