//! Finding paths in the views of a cache.
//!
//! The list of views leads every statement and is never more than a few, so the price is a probe of an index for each view
//! and each path that is asked for, however many paths there are.

use std::collections::{HashMap, HashSet};

use snowbank_nix::hash::NarHash;

use super::columns::{its_nar, path_columns};
use crate::Result;
use crate::ids::CacheId;
use crate::rooms::{HashPart, Path};
use crate::sql::{Database, Driver, Sql, args, sql};
use crate::statements::kept::texts;

/// SQLite takes a cross join in the order in which it is written.
const FIND: Sql = sql!(
    "SELECT " path_columns!() " FROM" ranked_blobs("$2") "CROSS JOIN paths" its_nar!()
    "WHERE paths.cache = $1 AND paths.view = listed.value AND paths.hash_part = $3
     ORDER BY listed.rank LIMIT 1"
);
const FIND_MANY: Sql = sql!(
    "SELECT " path_columns!() " FROM" ranked_blobs("$2") "CROSS JOIN paths" its_nar!()
    "WHERE paths.cache = $1 AND paths.view = listed.value AND paths.hash_part" in_blobs("$3")
    " ORDER BY listed.rank"
);
const WAITING: Sql = sql!(
    "SELECT " path_columns!() " FROM paths" its_nar!()
    "WHERE paths.cache = $1 AND paths.nar_hash = $2 AND paths.nar IS NULL AND paths.view = $3 LIMIT 1"
);
/// The newest of a name in one view is one probe, though there be thousands called so.
const LATEST: Sql = sql!(
    "WITH asked_views (view) AS (SELECT listed.value FROM" blobs("$2")
    "), asked_names (name) AS (SELECT listed.value FROM" blobs("$3")
    "), newest (id) AS (
         SELECT (
             SELECT found.id FROM paths AS found
             WHERE found.cache = $1 AND found.name = asked_names.name AND found.view = asked_views.view
               AND found.nar IS NOT NULL
             ORDER BY found.id DESC LIMIT 1
         ) FROM asked_names CROSS JOIN asked_views
     )
     SELECT " path_columns!() " FROM newest JOIN paths ON paths.id = newest.id" its_nar!()
);

fn parts(hash_parts: &[HashPart]) -> Vec<Vec<u8>> {
    hash_parts.iter().map(|part| part.as_str().as_bytes().to_vec()).collect()
}

pub(super) async fn path<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    views: &[String],
    hash_part: HashPart,
) -> Result<Option<Path>> {
    let mut session = database.read("find a path").await?;
    session.find(&FIND, args![cache, &texts(views), hash_part.as_str()]).await
}

pub(super) async fn paths<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    views: &[String],
    hash_parts: &[HashPart],
) -> Result<Vec<Path>> {
    if hash_parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = database.read("find paths").await?;
    let (views, parts) = (texts(views), parts(hash_parts));
    let mut found = session.all::<Path>(&FIND_MANY, args![cache, &views, &parts]).await?;
    let mut seen = HashSet::new();
    found.retain(|path| seen.insert(HashPart::of(&path.info.path)));
    Ok(found)
}

pub(super) async fn waiting<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    nar: &NarHash,
) -> Result<Option<Path>> {
    let mut session = database.read("find a path that waits for its NAR").await?;
    session.find(&WAITING, args![cache, &nar.bytes()[..], ""]).await
}

pub(super) async fn latest_named<D: Driver>(
    database: &Database<D>,
    cache: CacheId,
    views: &[String],
    names: &[String],
) -> Result<Vec<Path>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = database.read("find the newest paths of some names").await?;
    let found = session.all::<Path>(&LATEST, args![cache, &texts(views), &texts(names)]).await?;
    let mut newest: HashMap<String, Path> = HashMap::new();
    for path in found {
        let name = path.info.path.name().to_owned();
        match newest.get(&name) {
            Some(known) if known.id >= path.id => {}
            _ => drop(newest.insert(name, path)),
        }
    }
    Ok(newest.into_values().collect())
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    async fn plan(sql: &Sql) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
        let rows = sqlx::query(text).bind(1_i64).bind("[]").bind("[]").fetch_all(&pool).await.unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }

    #[tokio::test]
    async fn sqlite_probes_an_index_for_each_view() {
        let places = "USING INDEX sqlite_autoindex_paths_1 (cache=? AND view=? AND hash_part=?)";
        for sql in [FIND, FIND_MANY] {
            let steps = plan(&sql).await;
            let on_paths: Vec<_> = steps.iter().filter(|step| step.contains(" paths ")).collect();
            assert_eq!(on_paths.len(), 1, "{steps:#?}");
            assert!(on_paths[0].contains(places), "{steps:#?}");
            assert!(
                steps.iter().any(|step| step.starts_with("SEARCH nars USING INTEGER PRIMARY KEY")),
                "{steps:#?}"
            );
        }
    }

    #[tokio::test]
    async fn sqlite_reads_one_row_for_the_newest_of_a_name() {
        let steps = plan(&LATEST).await;
        let probe = "SEARCH found USING INDEX paths_by_name (cache=? AND name=? AND view=?)";
        assert!(steps.iter().any(|step| step == probe), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN paths") || step.contains("TEMP")), "{steps:#?}");
    }
}
