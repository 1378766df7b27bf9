//! Receiving the content of an upload, in every dialect: whole, in blocks, appended, or at positions.

use std::fmt;

use bytes::Bytes;
use futures::Stream;
use snowbank_cas::bucket::{PutError, Stored};
use snowbank_catalog::ids::UploadId;
use snowbank_catalog::rooms::{Block, Changed};

use super::{Kind, Result, Service, ServiceError};

/// Azure's own bound on one block or blob put at once; clients send 64 MiB at most.
const MAX_PUT: u64 = 5000 << 20;
/// Azure's bound on a block id is 64 bytes; clients use 16 to 64.
const MAX_BLOCK_ID: usize = 64;

/// Why a body ended early.
#[derive(Debug)]
pub enum BodyError {
    /// The connection broke.
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// Nothing, or too little, came for too long.
    Stalled,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken(_) => "the request's body broke off",
            Self::Stalled => "the request's body came too slowly",
        })
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(source) => Some(&**source),
            Self::Stalled => None,
        }
    }
}

impl Service {
    /// Put Blob: this is the whole content.
    pub async fn put_blob(&self, upload: UploadId, body: impl Body) -> Result<()> {
        let block = self.receive(upload, b"blob".to_vec(), None, body).await?;
        let lease = self.settings().times.upload_idle.0;
        let changed = self.0.catalog.replace_content(upload, Some(&block), lease).await;
        self.settle(&block, changed).await
    }

    /// Put Block: a block that a later list may name.
    pub async fn put_block(&self, upload: UploadId, id: Vec<u8>, body: impl Body) -> Result<()> {
        if id.is_empty() || id.len() > MAX_BLOCK_ID {
            return Err(ServiceError::new(Kind::InvalidArgument, "a block id is 1 to 64 bytes"));
        }
        let block = self.receive(upload, id, None, body).await?;
        let changed = self.0.catalog.add_block(upload, &block, self.settings().times.upload_idle.0).await;
        self.settle(&block, changed).await
    }

    /// Put Block List: the content is these blocks in this order.
    pub async fn commit_block_list(&self, upload: UploadId, ids: &[Vec<u8>]) -> Result<()> {
        changed(self.0.catalog.commit_blocks(upload, ids, self.settings().times.upload_idle.0).await?)
    }

    /// Creates an append blob: the content is empty.
    pub async fn append_create(&self, upload: UploadId) -> Result<()> {
        changed(self.0.catalog.replace_content(upload, None, self.settings().times.upload_idle.0).await?)
    }

    /// Append Block: the content grows by this.
    pub async fn append_block(&self, upload: UploadId, body: impl Body) -> Result<()> {
        let block = self.receive(upload, random_id()?, None, body).await?;
        let changed = self.0.catalog.append(upload, &block, self.settings().times.upload_idle.0).await;
        self.settle(&block, changed).await
    }

    /// Seals an append blob. Finalize checks the size, so there is nothing to do but to see that it is there.
    pub async fn seal(&self, upload: UploadId) -> Result<()> {
        self.0.catalog.upload(upload).await?.map(|_| ()).ok_or_else(gone)
    }

    /// Receives the bytes that begin at `position` (v1).
    pub(super) async fn put_at(
        &self,
        upload: UploadId,
        position: u64,
        length: u64,
        body: impl Body,
    ) -> Result<()> {
        let id = format!("at {position}").into_bytes();
        let block = self.receive(upload, id, Some(position), body).await?;
        if block.size != length {
            let message = format!("the range says {length} bytes, and {} came", block.size);
            self.discard(&block).await;
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let changed = self.0.catalog.add_block(upload, &block, self.settings().times.upload_idle.0).await;
        self.settle(&block, changed).await
    }

    /// Streams a body into an object of its own while the upload's lease is kept alive.
    async fn receive(
        &self,
        upload: UploadId,
        id: Vec<u8>,
        position: Option<u64>,
        body: impl Body,
    ) -> Result<Block> {
        let lease = self.settings().times.upload_idle.0;
        if !self.0.catalog.extend(upload, lease).await? {
            return Err(gone());
        }
        let object = format!("uploads/{upload}/{}", hex::encode(random_id()?));
        let put = self.0.bucket.put_stream(&object, body, MAX_PUT);
        let keep_lease = async {
            loop {
                tokio::time::sleep(lease / 4).await;
                match self.0.catalog.extend(upload, lease).await {
                    Ok(true) => {}
                    Ok(false) => return gone(),
                    Err(error) => {
                        tracing::warn!(%upload, %error, "the lease of an upload could not be extended");
                    }
                }
            }
        };
        let stored = tokio::select! {
            stored = put => stored.map_err(put_error)?,
            lost = keep_lease => return Err(lost),
        };
        let Stored { size, hash } = stored;
        Ok(Block { id, position, object, size, hash })
    }

    /// Sees the recording of a block through: where it failed, the object goes.
    async fn settle(&self, block: &Block, result: snowbank_catalog::Result<Changed>) -> Result<()> {
        let result = result.map_err(ServiceError::from).and_then(changed);
        if result.is_err() {
            self.discard(block).await;
        }
        result
    }

    async fn discard(&self, block: &Block) {
        if let Err(error) = self.0.bucket.delete(&block.object).await {
            tracing::warn!(object = block.object, %error, "a block that is not wanted stays until the next collection");
        }
    }
}

/// A body as it comes from the connection.
pub trait Body: Stream<Item = std::result::Result<Bytes, BodyError>> + Send {}

impl<T: Stream<Item = std::result::Result<Bytes, BodyError>> + Send> Body for T {}

fn random_id() -> Result<Vec<u8>> {
    let mut id = [0; 8];
    getrandom::fill(&mut id)
        .map_err(|error| ServiceError::caused(Kind::Internal, "the system gives no random bytes", error))?;
    Ok(id.to_vec())
}

pub(super) fn gone() -> ServiceError {
    ServiceError::new(
        Kind::NotFound,
        "no such upload: it was finalized, or was idle for too long and given up",
    )
}

fn changed(changed: Changed) -> Result<()> {
    match changed {
        Changed::Done => Ok(()),
        Changed::Gone => Err(gone()),
        Changed::UnknownBlock(id) => Err(ServiceError::new(
            Kind::InvalidArgument,
            format!("the block list names block {} which was never sent", hex::encode(id)),
        )),
    }
}

fn put_error(error: PutError<BodyError>) -> ServiceError {
    match error {
        PutError::Sender(error) => ServiceError::caused(Kind::BodyCut, error.to_string(), error),
        PutError::TooLarge { limit } => ServiceError::new(
            Kind::InvalidArgument,
            format!("one upload request may bring {limit} bytes at most"),
        ),
        PutError::Full(error) => ServiceError::caused(
            Kind::OutOfSpace,
            "the server's disk is full; nothing of this request was kept",
            error,
        ),
        PutError::Bucket(error) => {
            ServiceError::caused(Kind::Unavailable, "the server's storage did not take the bytes", error)
        }
    }
}
