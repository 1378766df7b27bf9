//! Making an upload visible.

use snowbank_catalog::ids::{EntryId, UploadId};
use snowbank_catalog::rooms::{Block, Changed, Finalized, JobKind, Protocol, Slot, Upload};

use super::reserve::exists;
use super::upload::{Body, gone};
use super::{Caller, Kind, Result, Service, ServiceError};

impl Service {
    /// Makes the upload under `key` and `version` visible, if its content has exactly `size` bytes.
    pub async fn finalize(
        &self,
        caller: &Caller,
        protocol: Protocol,
        key: &str,
        version: &str,
        size: u64,
    ) -> Result<EntryId> {
        let slot = Slot {
            scope: caller.write_scope()?.to_owned(),
            key: key.to_owned(),
            version: version.to_owned(),
        };
        let limit = self.limits_of(&caller.repository.name).await?.size;
        if size > limit.0 {
            if let Some(upload) = self.0.catalog.find_upload(caller.repository.id, &slot).await? {
                self.0.catalog.abandon(upload.id).await?;
            }
            let message = format!("the archive has {size} bytes, and the repository may hold {limit} in all");
            return Err(ServiceError::new(Kind::FailedPrecondition, message));
        }
        match self.0.catalog.finalize(caller.repository.id, &slot, size).await? {
            Finalized::Entry(entry) => {
                self.0.events.saved(caller.repository.id, protocol, size);
                if let Err(error) = self.saved(entry, caller.repository.id, &slot, size).await {
                    tracing::warn!(%error, "the packs of an index could not be noted as used");
                }
                self.after_save(caller, limit.0).await;
                Ok(entry)
            }
            Finalized::SizeMismatch { committed } => Err(ServiceError::new(
                Kind::FailedPrecondition,
                format!("the upload holds {committed} bytes, and the finalize says {size}"),
            )),
            Finalized::Nothing => Err(ServiceError::new(
                Kind::FailedPrecondition,
                "nothing was uploaded, or no block list was sent",
            )),
            Finalized::Unknown => Err(gone()),
            Finalized::Exists(_) => Err(exists()),
        }
    }

    /// Wakes the workers, and has the limits enforced where this save exceeded one. The save itself is done, so a
    /// fault here is only logged.
    async fn after_save(&self, caller: &Caller, limit: u64) {
        let exceeded = async {
            let catalog = &self.0.catalog;
            let mut exceeded = catalog.holdings(caller.repository.id).await?.bytes > limit;
            if let Some(bound) = self.settings().max_disk {
                exceeded |= catalog.raw_bytes().await? + catalog.pack_bytes().await? > bound.0;
            }
            if exceeded {
                catalog.hasten(JobKind::Evict, 0).await?;
            }
            snowbank_catalog::Result::Ok(())
        };
        if let Err(error) = exceeded.await {
            tracing::warn!(%error, "limits could not be looked at after a save");
        }
        self.0.saved.notify_one();
    }

    /// Receives a range of a v1 upload; both ends are included in it.
    pub async fn put_range(
        &self,
        caller: &Caller,
        upload: UploadId,
        first: u64,
        last: u64,
        body: impl Body,
    ) -> Result<()> {
        self.own_upload(caller, upload).await?;
        let length = last.checked_sub(first).and_then(|length| length.checked_add(1));
        let length = length
            .ok_or_else(|| ServiceError::new(Kind::InvalidArgument, "the range ends before it begins"))?;
        self.put_at(upload, first, length, body).await
    }

    /// Makes a v1 upload visible, if its ranges join without gap or overlap.
    pub async fn commit_ranges(&self, caller: &Caller, upload: UploadId, size: u64) -> Result<EntryId> {
        let found = self.own_upload(caller, upload).await?;
        let blocks = self.0.catalog.blocks(upload).await?;
        let ids = joined(&blocks)?;
        let lease = self.settings().times.upload_idle.0;
        match self.0.catalog.commit_blocks(upload, &ids, lease).await? {
            Changed::Done => {
                self.finalize(caller, Protocol::V1, &found.slot.key, &found.slot.version, size).await
            }
            Changed::Gone | Changed::UnknownBlock(_) => Err(gone()),
        }
    }

    async fn own_upload(&self, caller: &Caller, upload: UploadId) -> Result<Upload> {
        let scope = caller.write_scope()?;
        let found = self.0.catalog.upload(upload).await?;
        found.filter(|found| found.repo == caller.repository.id && found.slot.scope == scope).ok_or_else(gone)
    }
}

/// The ids of blocks that lie end to end from 0 on.
fn joined(blocks: &[Block]) -> Result<Vec<Vec<u8>>> {
    if blocks.is_empty() {
        return Err(ServiceError::new(Kind::FailedPrecondition, "nothing was uploaded"));
    }
    let mut end = 0;
    for block in blocks {
        let position = block.position.unwrap_or(end);
        if position != end {
            let what = if position > end { "leave a gap" } else { "overlap" };
            let message = format!(
                "the uploaded ranges {what} between byte {} and byte {}",
                position.min(end),
                position.max(end)
            );
            return Err(ServiceError::new(Kind::FailedPrecondition, message));
        }
        end += block.size;
    }
    Ok(blocks.iter().map(|block| block.id.clone()).collect())
}

#[cfg(test)]
mod tests {
    use snowbank_cas::id::ObjectHash;

    use super::*;

    fn block(position: u64, size: u64) -> Block {
        let id = position.to_string().into_bytes();
        Block { id, position: Some(position), object: String::new(), size, hash: ObjectHash::of(b"") }
    }

    #[test]
    fn ranges_must_lie_end_to_end() {
        assert_eq!(joined(&[block(0, 4), block(4, 2)]).unwrap(), [b"0", b"4"]);
        let gap = joined(&[block(0, 4), block(5, 2)]).unwrap_err();
        assert_eq!(gap.to_string(), "the uploaded ranges leave a gap between byte 4 and byte 5");
        let overlap = joined(&[block(0, 4), block(3, 2)]).unwrap_err();
        assert_eq!(overlap.to_string(), "the uploaded ranges overlap between byte 3 and byte 4");
        assert!(joined(&[block(1, 4)]).is_err());
    }
}
