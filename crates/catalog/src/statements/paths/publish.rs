//! Publishing paths: all that they rely on is locked, then judged, then they become visible at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::columns::{info_columns, references, signatures};
use crate::Result;
use crate::ids::{NarId, PathId};
use crate::rooms::{HashPart, MAX_SIGNATURES, NewPath, Publication, Published};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Table, Value, Writing, args, signed, sql};
use crate::statements::kept::texts;

/// Rows written in one statement.
const BATCH: usize = 500;

/// Publications in one cache take turns, so that none waits for a row that another is about to insert.
const LOCK_CACHE: Sql = sql!("SELECT id FROM caches WHERE id = $1" each("", " FOR NO KEY UPDATE"));
/// The paths that are relied on, and those that are there already.
const LOCK_PATHS: Sql = sql!(
    "SELECT id, view, hash_part, name FROM paths WHERE cache = $1 AND view" in_blobs("$2")
    " AND hash_part" in_blobs("$3") " ORDER BY id" for_update
);
const OWN: Sql = sql!(
    "SELECT paths.id, paths.nar, paths.upstream, " info_columns!()
    " FROM paths WHERE cache = $1 AND view = $2 AND hash_part" in_blobs("$3")
);
/// Locked, so that no sweep takes one before a path names it.
const LOCK_NARS: Sql = sql!(
    "SELECT nars.hash, nars.id FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash" in_blobs("$2")
    " AND (
         EXISTS (
             SELECT 1 FROM staged WHERE staged.nar = nars.id AND staged.cache = $1 AND staged.view = $3
               AND staged.pusher = $4 AND staged.lease_until > $5
         ) OR EXISTS (
             SELECT 1 FROM paths WHERE paths.nar = nars.id AND paths.cache = $1 AND paths.view" in_blobs("$6")
    "    )
     ) ORDER BY nars.id" each("", " FOR SHARE OF nars")
);
const INSERT: Sql = sql!(
    "INSERT INTO paths (cache, view, created, used, hash_part, name, nar_hash, nar_size, refs, deriver, signatures,
                        ca, upstream, nar)
     SELECT $1, $2, $3, $3," bytes_at("0") "," bytes_at("1") "," bytes_at("2") "," int_at("3") "," bytes_at("4")
    "," bytes_at("5") "," bytes_at("6") "," bytes_at("7") "," int_at("8") "," int_at("9") " FROM" rows("$4")
);
const ADD_TO: Sql = sql!(
    "UPDATE paths SET signatures =" bytes_at("1") ", upstream =" int_at("2") ", nar =" int_at("3")
    " FROM" rows("$1") "WHERE paths.id =" int_at("0")
);
const TOUCH: Sql = sql!("UPDATE paths SET used = $2 WHERE id" in_ints("$1"));

/// A locked path: its row, its view, and what it is called.
struct Locked {
    id: i64,
    view: String,
    hash_part: HashPart,
    name: String,
}

impl Read for Locked {
    const NOUN: &'static str = "path";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            view: columns.read()?,
            hash_part: columns.read()?,
            name: columns.read()?,
        })
    }
}

/// A path that the view has already.
struct Own {
    id: PathId,
    nar: Option<NarId>,
    upstream: bool,
    info: PathInfo,
}

impl Read for Own {
    const NOUN: &'static str = "path";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            nar: columns.read::<Option<i64>>()?.map(NarId),
            upstream: columns.read()?,
            info: columns.read()?,
        })
    }
}

impl Own {
    /// Whether what is signed is the same, so that signatures of one hold for the other.
    fn is(&self, info: &PathInfo) -> bool {
        let own = &self.info;
        (&own.path, own.nar_hash, own.nar_size, &own.references)
            == (&info.path, info.nar_hash, info.nar_size, &info.references)
    }
}

/// A path that is to be published, and what is there of it.
struct Item<'a> {
    new: &'a NewPath,
    own: Option<Own>,
}

impl Item<'_> {
    /// Whether it needs all that a path needs: one that changes nothing, or only adds signatures, does not.
    fn is_news(&self) -> bool {
        let pushed_now = |own: &Own| own.is(&self.new.info) && own.upstream && !self.new.upstream;
        self.own.as_ref().is_none_or(pushed_now)
    }

    /// What it refers to beside itself.
    fn others(&self) -> impl Iterator<Item = &StorePath> {
        let PathInfo { path, references, .. } = &self.new.info;
        references.iter().filter(move |reference| *reference != path)
    }

    /// The path that there will be.
    fn path(&self) -> &StorePath {
        self.own.as_ref().map_or(&self.new.info.path, |own| &own.info.path)
    }
}

pub(super) async fn publish<D: Driver>(
    database: &Database<D>,
    to: &Publication<'_>,
    paths: &[NewPath],
) -> Result<Published> {
    let mut tx = database.write("publish paths").await?;
    let now = tx.now().await?;
    tx.find::<i64>(&LOCK_CACHE, args![to.cache]).await?;
    let mut asked: BTreeMap<HashPart, &NewPath> = BTreeMap::new();
    for new in paths {
        asked.entry(HashPart::of(&new.info.path)).or_insert(new);
    }
    let locked = lock_paths(&mut tx, to, &asked).await?;
    let items = with_own(&mut tx, to, asked).await?;
    let nars = lock_nars(&mut tx, to, &items, now).await?;
    if let Some(refused) = refused(to, &items, &locked, &nars) {
        return Ok(refused);
    }
    let fresh: Vec<&NewPath> = items.iter().filter(|item| item.own.is_none()).map(|item| item.new).collect();
    for batch in fresh.chunks(BATCH) {
        insert(&mut tx, to, batch, &nars, now).await?;
    }
    for batch in items.chunks(BATCH) {
        add_to(&mut tx, batch, &nars).await?;
    }
    let relied_on: HashSet<HashPart> = items.iter().flat_map(Item::others).map(HashPart::of).collect();
    let is_used = |path: &&Locked| path.view == to.view || relied_on.contains(&path.hash_part);
    let used: Vec<i64> = locked.iter().filter(is_used).map(|path| path.id).collect();
    tx.run(&TOUCH, args![&used, now]).await?;
    tx.commit().await?;
    Ok(Published::Done { added: fresh.len() as u64 })
}

async fn lock_paths<D: Driver>(
    tx: &mut Writing<D>,
    to: &Publication<'_>,
    asked: &BTreeMap<HashPart, &NewPath>,
) -> Result<Vec<Locked>> {
    let mut parts: BTreeSet<HashPart> = asked.keys().copied().collect();
    parts.extend(asked.values().flat_map(|new| &new.info.references).map(HashPart::of));
    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.as_str().as_bytes().to_vec()).collect();
    let mut views = texts(to.views);
    views.push(to.view.as_bytes().to_vec());
    tx.all(&LOCK_PATHS, args![to.cache, &views, &parts]).await
}

async fn with_own<'a, D: Driver>(
    tx: &mut Writing<D>,
    to: &Publication<'_>,
    asked: BTreeMap<HashPart, &'a NewPath>,
) -> Result<Vec<Item<'a>>> {
    let parts: Vec<Vec<u8>> = asked.keys().map(|part| part.as_str().as_bytes().to_vec()).collect();
    let own = tx.all::<Own>(&OWN, args![to.cache, to.view, &parts]).await?;
    let mut own: HashMap<HashPart, Own> =
        own.into_iter().map(|own| (HashPart::of(&own.info.path), own)).collect();
    Ok(asked.into_iter().map(|(part, new)| Item { new, own: own.remove(&part) }).collect())
}

/// The NARs that may be relied on.
async fn lock_nars<D: Driver>(
    tx: &mut Writing<D>,
    to: &Publication<'_>,
    items: &[Item<'_>],
    now: i64,
) -> Result<HashMap<NarHash, NarId>> {
    let wanted: BTreeSet<NarHash> = items
        .iter()
        .filter(|item| item.own.as_ref().is_none_or(|own| own.nar.is_none()))
        .map(|item| item.new.info.nar_hash)
        .collect();
    let wanted: Vec<Vec<u8>> = wanted.iter().map(|hash| hash.bytes().to_vec()).collect();
    let views = texts(to.views);
    let values = args![to.cache, &wanted, to.view, to.pusher, now, &views];
    Ok(tx.all::<(NarHash, NarId)>(&LOCK_NARS, values).await?.into_iter().collect())
}

/// What is missing, if anything is.
fn refused(
    to: &Publication<'_>,
    items: &[Item<'_>],
    locked: &[Locked],
    nars: &HashMap<NarHash, NarId>,
) -> Option<Published> {
    let together: HashSet<&StorePath> = items.iter().map(Item::path).collect();
    let elsewhere: HashSet<HashPart> = to.elsewhere.iter().copied().collect();
    let mut visible: HashMap<HashPart, HashSet<&str>> = HashMap::new();
    for path in locked.iter().filter(|path| to.views.contains(&path.view)) {
        visible.entry(path.hash_part).or_default().insert(&path.name);
    }
    let is_there = |reference: &StorePath| {
        let part = HashPart::of(reference);
        together.contains(reference)
            || elsewhere.contains(&part)
            || visible.get(&part).is_some_and(|names| names.contains(reference.name()))
    };
    let (mut missing, mut dangling) = (Vec::new(), Vec::new());
    for Item { new, own } in items.iter().filter(|item| item.is_news()) {
        let had = own.as_ref().is_some_and(|own| own.nar.is_some());
        if !new.upstream && !had && !nars.contains_key(&new.info.nar_hash) {
            missing.push(new.info.path.clone());
        }
        for reference in new.info.references.iter().filter(|reference| !is_there(reference)) {
            dangling.push((new.info.path.clone(), reference.clone()));
        }
    }
    let complete = missing.is_empty() && dangling.is_empty();
    (!complete).then_some(Published::Refused { nars: missing, references: dangling })
}

async fn insert<D: Driver>(
    tx: &mut Writing<D>,
    to: &Publication<'_>,
    paths: &[&NewPath],
    nars: &HashMap<NarHash, NarId>,
    now: i64,
) -> Result<()> {
    struct Texts {
        references: String,
        signatures: String,
        ca: Option<String>,
    }
    let written: Vec<Texts> = paths
        .iter()
        .map(|NewPath { info, .. }| Texts {
            references: references(&info.references),
            signatures: signatures(&info.signatures.iter().take(MAX_SIGNATURES).cloned().collect()),
            ca: info.ca.map(|ca| ca.to_string()),
        })
        .collect();
    let rows = Table::of(paths.iter().zip(&written).map(|(NewPath { info, upstream }, texts)| {
        [
            Value::from(info.path.hash_part()),
            Value::from(info.path.name()),
            Value::from(info.nar_hash.bytes()),
            Value::from(signed(info.nar_size)),
            Value::from(&texts.references),
            Value::from(info.deriver.as_ref().map(|path| path.base_name().as_bytes())),
            Value::from(&texts.signatures),
            Value::from(texts.ca.as_ref().map(String::as_bytes)),
            Value::from(i64::from(*upstream)),
            Value::from(nars.get(&info.nar_hash).map(|nar| nar.0)),
        ]
    }));
    tx.run(&INSERT, args![to.cache, to.view, now, &rows]).await?;
    Ok(())
}

/// Adds what is new of paths that the view has already.
async fn add_to<D: Driver>(
    tx: &mut Writing<D>,
    items: &[Item<'_>],
    nars: &HashMap<NarHash, NarId>,
) -> Result<()> {
    let mut changed = Vec::new();
    for Item { new, own } in items {
        let Some(own) = own.as_ref().filter(|own| own.is(&new.info)) else { continue };
        let mut all = own.info.signatures.clone();
        let room = MAX_SIGNATURES.saturating_sub(all.len());
        all.extend(new.info.signatures.difference(&own.info.signatures).take(room).cloned());
        let nar = own.nar.or_else(|| nars.get(&new.info.nar_hash).copied());
        let upstream = own.upstream && new.upstream;
        if (all.len(), nar, upstream) != (own.info.signatures.len(), own.nar, own.upstream) {
            changed.push((own.id, signatures(&all), upstream, nar));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let rows = Table::of(changed.iter().map(|(id, signatures, upstream, nar)| {
        [
            Value::from(*id),
            Value::from(signatures),
            Value::from(i64::from(*upstream)),
            Value::from(nar.map(|nar| nar.0)),
        ]
    }));
    tx.run(&ADD_TO, args![&rows]).await?;
    Ok(())
}
