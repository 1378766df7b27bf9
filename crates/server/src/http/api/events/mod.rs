//! What happened, at `/api/v1/lookups`, `/removals`, `/unfinished`, `/saves`, `/image-pushes`, `/usage/days` and
//! `/samples`: to an administrator all of it or, with `repository=OWNER/NAME`, one repository's; to a job its own
//! repository's.
//!
//! Lists are the newest first, with `limit` (30 unless told, 1000 at the most) and `before`: `next` of an answer is the
//! `before` of the next page, and null on the last.

mod image_pushes;
mod lookups;
mod past;
mod reason;
mod tallies;

use serde_json::{Value, json};
use snowbank_actions::query::Query;
use snowbank_catalog::rooms::{Protocol, Slot};

pub(super) use image_pushes::{image_pushes, note_image_push};
pub(super) use lookups::lookups;
pub(super) use past::{removals, saves, unfinished};
pub(super) use tallies::{days, samples};

use super::caches::number;
use super::failure::Failure;
use crate::http::site::Site;
use crate::service::{EventQuery, Onlooker, Service};

/// Events of a page, if the caller does not say.
const PAGE: u64 = 30;
/// Events of a page at the most.
const MAX_PAGE: u64 = 1000;

/// What is asked for, and what may be told.
struct Asked {
    onlooker: Onlooker,
    query: EventQuery,
    /// The query as it came.
    text: String,
}

impl Asked {
    async fn read(service: &Service, site: &Site, query: Option<String>) -> Result<Self, Failure> {
        let text = query.unwrap_or_default();
        let parameter = |name| Query::new(&text).form(name).filter(|value| !value.is_empty());
        let onlooker = site.onlooker(service, parameter("repository").as_deref()).await?;
        let before = number(&text, "before")?.map(|before| i64::try_from(before).unwrap_or(i64::MAX));
        let limit = number(&text, "limit")?.unwrap_or(PAGE).clamp(1, MAX_PAGE);
        let query = EventQuery { key_prefix: parameter("key"), before, limit };
        Ok(Self { onlooker, query, text })
    }

    fn parameter(&self, name: &str) -> Option<String> {
        Query::new(&self.text).form(name).filter(|value| !value.is_empty())
    }

    /// A page of rows, each with its number.
    fn page(&self, name: &str, rows: impl IntoIterator<Item = (i64, Value)>) -> Value {
        let (ids, rows): (Vec<i64>, Vec<Value>) = rows.into_iter().unzip();
        let next = ids.last().filter(|_| ids.len() as u64 == self.query.limit);
        json!({ name: rows, "next": next })
    }
}

/// The object with what an entry is or was found by.
fn with_slot(mut object: Value, slot: Slot) -> Value {
    let Slot { scope, key, version } = slot;
    (object["ref"], object["key"], object["version"]) = (scope.into(), key.into(), version.into());
    object
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::V1 => "v1",
        Protocol::V2 => "v2",
        Protocol::Blobs => "blobs",
    }
}
