//! NARs of binary caches.

mod keep;
mod stage;
mod sweep;

pub(super) use stage::loosen;

use std::time::Duration;

use async_trait::async_trait;
use snowbank_nix::hash::{Digest, NarHash};

use super::kept::texts;
use crate::Result;
use crate::ids::{CacheId, NarId, RecipeId};
use crate::rooms::{KeptNar, NarFile, NarPlace, Nars, NewNar, Stage, Staged, StoredNar};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, signed, sql};

/// What a [`StoredNar`] is read from.
macro_rules! nar_columns {
    () => {
        "nars.id, nars.recipe, nars.hash, nars.size, nars.stored, nars.mentions"
    };
}
use nar_columns;

/// Whether a path of cache $1 in one of some views has a NAR; the list of views and a parenthesis follow.
macro_rules! had_in {
    () => {
        "EXISTS (SELECT 1 FROM paths WHERE paths.nar = nars.id AND paths.cache = $1 AND paths.view"
    };
}
use had_in;

const FIND: Sql = sql!(
    "SELECT " nar_columns!() " FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash = $2 AND "
    had_in!() in_blobs("$3") ")"
);
const FIND_MANY: Sql = sql!(
    "SELECT " nar_columns!() " FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash" in_blobs("$2") " AND "
    had_in!() in_blobs("$3") ")"
);
const PLACES: Sql = sql!(
    "SELECT nars.hash, nars.id, nars.recipe, nars.stored FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash" in_blobs("$2")
    " AND " had_in!() in_blobs("$3") ")"
);
const WALK: Sql = sql!("SELECT " nar_columns!() " FROM nars WHERE id > $1 ORDER BY id LIMIT $2");
const RECIPES: Sql = sql!(
    "SELECT nars.recipe FROM nars WHERE nars.recipe" in_ints("$1")
    " UNION SELECT files.recipe FROM files WHERE files.recipe" in_ints("$1") " ORDER BY 1"
);

impl Read for NarHash {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Vec<u8>>()?.try_into().ok().map(Self::from_bytes)
    }
}

impl Read for StoredNar {
    const NOUN: &'static str = "NAR";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            recipe: columns.read()?,
            hash: columns.read()?,
            size: columns.read()?,
            stored: columns.read()?,
            mentions: columns.read()?,
        })
    }
}

impl Read for Staged {
    const NOUN: &'static str = "staged NAR";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let nar = columns.read()?;
        let hash = columns.read::<Option<String>>()?;
        let size = columns.read::<Option<u64>>()?;
        let file = match (hash, size) {
            (Some(hash), Some(size)) => Some(NarFile { hash: Digest::parse(&hash).ok()?, size }),
            (None, None) => None,
            _ => return None,
        };
        Some(Self { nar, file })
    }
}

#[async_trait]
impl<D: Driver> Nars for Database<D> {
    async fn keep_nar(
        &self,
        stage: &Stage,
        new: &NewNar,
        file: Option<NarFile>,
        lease: Duration,
    ) -> Result<KeptNar> {
        self.retry(|| keep::keep_nar(self, stage, new, file, lease)).await
    }

    async fn stage_known(
        &self,
        stage: &Stage,
        views: &[String],
        hash: &NarHash,
        lease: Duration,
    ) -> Result<Option<StoredNar>> {
        self.retry(|| stage::stage_known(self, stage, views, hash, lease)).await
    }

    async fn staged(&self, stage: &Stage) -> Result<Option<Staged>> {
        let names = std::slice::from_ref(&stage.name);
        let found = self.staged_many(stage.cache, &stage.view, &stage.pusher, names).await?;
        Ok(found.into_iter().next().map(|(_, staged)| staged))
    }

    async fn staged_many(
        &self,
        cache: CacheId,
        view: &str,
        pusher: &str,
        names: &[String],
    ) -> Result<Vec<(String, Staged)>> {
        stage::staged_many(self, cache, view, pusher, names).await
    }

    async fn extend_staged(&self, cache: CacheId, view: &str, pusher: &str, lease: Duration) -> Result<u64> {
        self.retry(|| stage::extend_staged(self, cache, view, pusher, lease)).await
    }

    async fn nar(&self, cache: CacheId, views: &[String], hash: &NarHash) -> Result<Option<StoredNar>> {
        self.read("find a NAR").await?.find(&FIND, args![cache, hash.bytes(), &texts(views)]).await
    }

    async fn nars(&self, cache: CacheId, views: &[String], hashes: &[NarHash]) -> Result<Vec<StoredNar>> {
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.bytes().to_vec()).collect();
        self.read("find NARs").await?.all(&FIND_MANY, args![cache, &hashes, &texts(views)]).await
    }

    async fn nar_places(
        &self,
        cache: CacheId,
        views: &[String],
        hashes: &[NarHash],
    ) -> Result<Vec<(NarHash, NarPlace)>> {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.bytes().to_vec()).collect();
        let mut session = self.read("find where NARs are").await?;
        let found = session
            .all::<(NarHash, NarId, RecipeId, u64)>(&PLACES, args![cache, &hashes, &texts(views)])
            .await?;
        let place = |(hash, id, recipe, stored)| (hash, NarPlace { id, recipe, stored });
        Ok(found.into_iter().map(place).collect())
    }

    async fn walk_nars(&self, after: Option<NarId>, limit: u64) -> Result<Vec<StoredNar>> {
        let after = after.map_or(-1, |nar| nar.0);
        self.read("list NARs").await?.all(&WALK, args![after, signed(limit)]).await
    }

    async fn lose_nar(&self, nar: NarId) -> Result<u64> {
        self.retry(|| sweep::lose_nar(self, nar)).await
    }

    async fn sweep_nars(&self, limit: u64) -> Result<u64> {
        self.retry(|| sweep::sweep_nars(self, limit)).await
    }

    async fn recipes_of_caches(&self, recipes: &[RecipeId]) -> Result<Vec<RecipeId>> {
        let recipes: Vec<i64> = recipes.iter().map(|recipe| recipe.0).collect();
        self.read("find the recipes of binary caches").await?.all(&RECIPES, args![&recipes]).await
    }
}
