//! Keeping a NAR: once for a domain, whoever sends it.

use std::time::Duration;

use super::nar_columns;
use super::stage::Place;
use crate::Result;
use crate::rooms::{KeptNar, NarFile, NewNar, Stage, StoredNar};
use crate::sql::{Database, Driver, Sql, Writing, args, signed, sql};
use crate::statements::kept::keep;

/// Locked, so that no sweep takes it before it is staged.
const FIND: Sql = sql!(
    "SELECT " nar_columns!() " FROM nars
     WHERE nars.domain = (SELECT caches.domain FROM caches WHERE caches.id = $1) AND nars.hash = $2"
    each("", " FOR SHARE OF nars")
);
const INSERT: Sql = sql!(
    "INSERT INTO nars (domain, hash, recipe, size, stored, mentions)
     SELECT caches.domain, $2, $3, $4, $5, $6 FROM caches WHERE caches.id = $1
     ON CONFLICT (domain, hash) DO NOTHING RETURNING " nar_columns!()
);
/// Its pages go with it.
const DROP_RECIPE: Sql = sql!(
    "DELETE FROM recipes WHERE id = $1 AND domain = (SELECT caches.domain FROM caches WHERE caches.id = $2)"
);
const MENTION: Sql = sql!("UPDATE nars SET mentions = $2 WHERE id = $1 AND mentions IS NULL");

pub(super) async fn keep_nar<D: Driver>(
    database: &Database<D>,
    stage: &Stage,
    new: &NewNar,
    file: Option<NarFile>,
    lease: Duration,
) -> Result<KeptNar> {
    let mut tx = database.write("keep a NAR").await?;
    let place = Place::lock(&mut tx, stage, &new.hash).await?;
    let kept = keep_one(&mut tx, stage, new).await?;
    if let KeptNar::New(nar) | KeptNar::Known(nar) = &kept {
        place.fill(&mut tx, stage, nar, file, lease).await?;
        tx.commit().await?;
    }
    Ok(kept)
}

async fn keep_one<D: Driver>(tx: &mut Writing<D>, stage: &Stage, new: &NewNar) -> Result<KeptNar> {
    loop {
        let found = tx.find::<StoredNar>(&FIND, args![stage.cache, new.hash.bytes()]).await?;
        if let Some(mut found) = found {
            // Told twice of the same one: it is not to lose its recipe.
            if found.recipe != new.recipe {
                tx.run(&DROP_RECIPE, args![new.recipe, stage.cache]).await?;
            }
            if found.mentions.is_none() && new.mentions.is_some() {
                tx.run(&MENTION, args![found.id, new.mentions.as_deref()]).await?;
                found.mentions.clone_from(&new.mentions);
            }
            return Ok(KeptNar::Known(found));
        }
        if !keep(tx, new.recipe, stage.cache).await? {
            return Ok(KeptNar::Gone);
        }
        let values = args![
            stage.cache,
            new.hash.bytes(),
            new.recipe,
            signed(new.size),
            signed(new.stored),
            new.mentions.as_deref()
        ];
        if let Some(made) = tx.find(&INSERT, values).await? {
            return Ok(KeptNar::New(made));
        }
        // Somebody else's was committed since it was looked for.
    }
}
