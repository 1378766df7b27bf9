//! Parcels.

use async_trait::async_trait;
use snowbank_cas::id::ObjectHash;

use crate::Result;
use crate::ids::RecipeId;
use crate::rooms::{Parcel, Parcels, Sender};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, signed, sql};

/// Locked, so that no sweep takes it before the parcel names it.
const LOCK: Sql = sql!(
    "SELECT id FROM recipes WHERE id = $1 AND lease_until > $2
       AND domain = (SELECT caches.domain FROM caches WHERE caches.id = $3)" for_share
);
const KEEP: Sql = sql!(
    "INSERT INTO parcels (cache, view, pusher, hash, recipe) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (cache, view, pusher, hash) DO UPDATE SET recipe = excluded.recipe"
);
const NEWEST: Sql = sql!(
    "SELECT parcels.hash, parcels.recipe FROM parcels JOIN recipes ON recipes.id = parcels.recipe
     WHERE parcels.cache = $1 AND parcels.view = $2 AND parcels.pusher = $3 AND recipes.lease_until > $4
     ORDER BY parcels.recipe DESC LIMIT $5"
);
const FIND: Sql = sql!(
    "SELECT parcels.hash, parcels.recipe FROM parcels JOIN recipes ON recipes.id = parcels.recipe
     WHERE parcels.cache = $1 AND parcels.view = $2 AND parcels.pusher = $3 AND recipes.lease_until > $4
       AND parcels.hash" in_blobs("$5")
);

impl Read for Parcel {
    const NOUN: &'static str = "parcel";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let hash = columns.read::<Vec<u8>>()?.try_into().ok()?;
        Some(Self { hash: ObjectHash::from_bytes(hash), recipe: columns.read()? })
    }
}

#[async_trait]
impl<D: Driver> Parcels for Database<D> {
    async fn keep_parcel(&self, from: Sender<'_>, hash: &ObjectHash, recipe: RecipeId) -> Result<bool> {
        self.retry(|| async {
            let mut tx = self.write("keep a parcel").await?;
            let now = tx.now().await?;
            if tx.find::<i64>(&LOCK, args![recipe, now, from.cache]).await?.is_none() {
                return Ok(false);
            }
            let values = args![from.cache, from.view, from.pusher, &hash.as_bytes()[..], recipe];
            tx.run(&KEEP, values).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn parcels(&self, from: Sender<'_>, limit: u64) -> Result<Vec<Parcel>> {
        let mut session = self.read("list parcels").await?;
        let now = session.now().await?;
        session.all(&NEWEST, args![from.cache, from.view, from.pusher, now, signed(limit)]).await
    }

    async fn find_parcels(&self, from: Sender<'_>, hashes: &[ObjectHash]) -> Result<Vec<Parcel>> {
        let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        let mut session = self.read("find parcels").await?;
        let now = session.now().await?;
        session.all(&FIND, args![from.cache, from.view, from.pusher, now, &hashes]).await
    }
}
