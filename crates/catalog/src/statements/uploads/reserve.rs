//! Reserving a slot.

use std::time::Duration;

use super::end;
use crate::Result;
use crate::ids::{RepoId, UploadId};
use crate::rooms::{Ending, Form, Reserved, Slot};
use crate::sql::{Database, Driver, Sql, args, millis, sql};
use crate::statements::codes;
use crate::statements::slots::{entry_of, place};

const HOLDER: Sql = sql!(
    "SELECT id, lease_until FROM uploads WHERE repo = $1 AND place = $2 AND key = $3" for_update
);
const INSERT: Sql = sql!(
    "INSERT INTO uploads (repo, scope, key, version, place, form, created, lease_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id"
);
const BEGIN: Sql = sql!("INSERT INTO begun (repo, moment) VALUES ($1, $2)");

pub(super) async fn reserve<D: Driver>(
    database: &Database<D>,
    repo: RepoId,
    slot: &Slot,
    form: Form,
    lease: Duration,
) -> Result<Reserved> {
    let mut tx = database.write("reserve a slot").await?;
    if let Some(entry) = entry_of(&mut tx, repo, slot).await? {
        return Ok(Reserved::Exists(entry));
    }
    let now = tx.now().await?;
    let place = place(&slot.scope, &slot.version);
    if let Some((holder, until)) = tx.find::<(i64, i64)>(&HOLDER, args![repo, &place, &slot.key]).await? {
        if until > now {
            return Ok(Reserved::Busy);
        }
        // The new holder gets another number: the old one's URLs must not reach its blocks.
        end(&mut tx, &vec![holder], Ending::Expired).await?;
    }
    let values = args![
        repo,
        &slot.scope,
        &slot.key,
        &slot.version,
        &place,
        codes::form(form),
        now,
        now + millis(lease)
    ];
    let Some(id) = tx.find::<UploadId>(&INSERT, values).await? else {
        // Another got it since the look at its holder.
        return Ok(Reserved::Busy);
    };
    // The holder may have been finalized between the look at the entry and the insert, which waited for it.
    if let Some(entry) = entry_of(&mut tx, repo, slot).await? {
        return Ok(Reserved::Exists(entry));
    }
    tx.run(&BEGIN, args![repo, now]).await?;
    tx.commit().await?;
    Ok(Reserved::Granted(id))
}
