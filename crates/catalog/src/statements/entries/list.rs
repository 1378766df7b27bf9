//! Listing entries.

use super::entry_columns;
use crate::Result;
use crate::rooms::{Entry, Listed, Listing, SortBy};
use crate::sql::{Database, Driver, Sql, args, signed, sql};
use crate::statements::slots::after_prefix;

/// What the listing is limited to; a null asks for nothing.
macro_rules! chosen {
    () => {
        "($1 IS NULL OR entries.repo = $1) \
         AND ($2 IS NULL OR entries.key >= $2 AND entries.key < $3) \
         AND ($4 IS NULL OR entries.key = $4) \
         AND ($5 IS NULL OR entries.scope"
    };
}

const TOTAL: Sql = sql!("SELECT count(*) FROM entries WHERE " chosen!() in_blobs("$6") ")");
const PAGE: Sql = sql!(
    "SELECT repositories.name, " entry_columns!() "
     FROM entries JOIN repositories ON repositories.id = entries.repo
     WHERE " chosen!() in_blobs("$6") ")
     ORDER BY $8 * CASE $7 WHEN 0 THEN entries.created WHEN 1 THEN entries.accessed ELSE entries.size END,
              $8 * entries.id
     LIMIT $9 OFFSET $10"
);

pub(super) async fn list<D: Driver>(database: &Database<D>, listing: &Listing) -> Result<Listed> {
    let mut session = database.read("list entries").await?;
    let repo = listing.repo.map(|repo| repo.0);
    let prefix = listing.key_prefix.as_ref().map(String::as_bytes);
    let end = listing.key_prefix.as_deref().map(after_prefix);
    let key = listing.key.as_ref().map(String::as_bytes);
    let scoped = listing.scopes.as_ref().map(|scopes| signed(scopes.len() as u64));
    let scopes = listing.scopes.iter().flatten().map(|scope| scope.clone().into_bytes());
    let scopes: Vec<Vec<u8>> = scopes.collect();
    let sort = match listing.sort {
        SortBy::Created => 0_i64,
        SortBy::Accessed => 1,
        SortBy::Size => 2,
    };
    let direction = if listing.descending { -1_i64 } else { 1 };

    let total = session.one(&TOTAL, args![repo, prefix, end.as_deref(), key, scoped, &scopes]).await?;
    let values = args![
        repo,
        prefix,
        end.as_deref(),
        key,
        scoped,
        &scopes,
        sort,
        direction,
        signed(listing.limit),
        signed(listing.offset)
    ];
    Ok(Listed { total, entries: session.all::<(String, Entry)>(&PAGE, values).await? })
}
