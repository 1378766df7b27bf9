//! Uploads that ended without an entry.

use maud::{Markup, html};
use snowbank_catalog::rooms::{Ending, Unfinished};

use super::{Asked, Listed, repository};
use crate::service::{Result, Service};
use crate::web::parts::{key, plain_heads, when};

pub(super) async fn list(service: &Service, asked: &Asked) -> Result<Listed> {
    let found = service.events_of_unfinished(asked.onlooker, &asked.query).await?;
    let columns = [("Key", false), ("Ref", false), ("Why", false), ("Begun", true), ("Ended", true)];
    let table = html! {
        table.cards role="table" {
            caption.hidden { "Uploads that ended without an entry, the latest first" }
            (plain_heads(&columns))
            tbody role="rowgroup" { @for upload in &found { (row(asked, upload)) } }
        }
    };
    Ok(Listed { table, lines: found.len(), last: found.last().map(|upload| upload.id) })
}

fn row(asked: &Asked, upload: &Unfinished) -> Markup {
    let why = match upload.how {
        Ending::Expired => "no byte came for too long",
        Ending::Abandoned => "it was too large, and given up",
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (key(&upload.slot.key))
                (repository(asked, &upload.repository))
            }
            td role="cell" data-label="Ref" { span.ref { (upload.slot.scope) } }
            td.reason role="cell" data-label="Why" { span { (why) } }
            td.num role="cell" data-label="Begun" { (when(upload.begun, asked.now)) }
            td.num role="cell" data-label="Ended" { (when(upload.ended, asked.now)) }
        }
    }
}
