//! `/r/OWNER/NAME/events` and `/events`: what happened lately, and why.

mod lookups;
mod removals;
mod unfinished;

use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;

use super::failure::Failure;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview, to_repository};
use super::parts::older;
use super::query::{PAGE, Params};
use crate::service::{EventQuery, Onlooker, Service};

/// What the page is of, by its name in the address; the first is the usual one.
const KINDS: [(&str, &str); 3] =
    [("lookups", "Lookups"), ("removals", "What went"), ("unfinished", "Unfinished uploads")];

/// Which events are shown.
struct Asked {
    onlooker: Onlooker,
    params: Params,
    query: EventQuery,
    now: Timestamp,
}

impl Asked {
    async fn read(service: &Service, onlooker: Onlooker, query: Option<String>) -> Result<Self, Failure> {
        let params = Params::read(&query.unwrap_or_default(), &["kind", "outcome", "key", "before"]);
        // The keys of all repositories are not searched.
        let params = if onlooker == Onlooker::Everything { params.without("key") } else { params };
        let key_prefix = params.get("key").map(str::to_owned);
        let query = EventQuery { key_prefix, before: params.before(), limit: PAGE as u64 };
        Ok(Self { onlooker, params, query, now: service.now().await? })
    }

    /// Whether each line says of which repository it is.
    fn of_all(&self) -> bool {
        self.onlooker == Onlooker::Everything
    }

    fn kind(&self) -> &'static str {
        let asked = KINDS.iter().find(|(name, _)| self.params.get("kind") == Some(name));
        asked.unwrap_or(&KINDS[0]).0
    }
}

/// Some of the events as a table.
struct Listed {
    table: Markup,
    /// How many they are.
    lines: usize,
    /// The number of the last of them.
    last: Option<i64>,
}

/// Of one repository.
pub(super) async fn of_repository(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let asked = Asked::read(&service, visitor.onlooker(), query).await?;
    let content = content(&service, &asked).await?;
    let repository = visitor.name().to_owned();
    let above = [to_overview(), to_repository(&repository)];
    Ok(framed(&Place { title: "What happened", above: &above, identity: guest.identity() }, &content))
}

/// Of the whole server, for an administrator.
pub(super) async fn of_server(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    guest.administers()?;
    let asked = Asked::read(&service, Onlooker::Everything, query).await?;
    let content = content(&service, &asked).await?;
    let above = [to_overview()];
    Ok(framed(&Place { title: "What happened", above: &above, identity: guest.identity() }, &content))
}

async fn content(service: &Service, asked: &Asked) -> Result<Markup, Failure> {
    let kind = asked.kind();
    let listed = match kind {
        "removals" => removals::list(service, asked).await?,
        "unfinished" => unfinished::list(service, asked).await?,
        _ => lookups::list(service, asked).await?,
    };
    let next = listed.last.filter(|_| listed.lines == PAGE);
    Ok(html! {
        nav.tabs aria-label="Kinds of events" {
            @for (name, label) in KINDS {
                @let to = asked.params.without("before").without("outcome").with("kind", name);
                a href=(to) aria-current=[(name == kind).then_some("page")] { (label) }
            }
        }
        div.head {
            @if kind == "lookups" { (lookups::outcomes(&asked.params)) }
            @if !asked.of_all() { (search(&asked.params)) }
        }
        @if listed.lines == 0 {
            p.empty { "Nothing of this kind is remembered." }
        } @else {
            div.box { (listed.table) }
        }
        (older(&asked.params, next))
    })
}

fn search(params: &Params) -> Markup {
    html! {
        form.search method="get" role="search" {
            label for="key" { "Key begins with" }
            input #key type="search" name="key" value=[params.get("key")];
            @for (name, value) in params.without("key").without("before").pairs() {
                input type="hidden" name=(name) value=(value);
            }
            button type="submit" { "Search" }
        }
    }
}

/// A link to a line's repository, where lines of several stand together.
fn repository(asked: &Asked, name: &str) -> Markup {
    html! {
        @if asked.of_all() { p.note { a href={ "/r/" (name) } { (name) } } }
    }
}
