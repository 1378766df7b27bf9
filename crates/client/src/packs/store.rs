//! A pack into an entry of the cache service.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use snowbank_actions::client::{CacheClient, ClientError, Content, Reserved};

use super::{footer, locate};
use crate::series::Versions;
use crate::snapshot::PackRef;

/// How long to wait for somebody who is sending the same pack.
const WAIT: Duration = Duration::from_secs(1);

/// How often; then that save was killed, and the pack is stored under another key.
const WAITS: u32 = 8;

/// How many keys are tried for one pack.
const COPIES: u32 = 4;

/// A pack could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The service did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service lets this job write nothing.
    #[error("the cache service refuses to store anything: {0}")]
    Denied(String),
    /// Others have begun to store it again and again and have never ended.
    #[error("the pack {0} is being stored by others and does not get done")]
    Stuck(String),
}

/// Stores `pack`, which is all of `file`, unless it is there. Returns it as it is called now and whether it was sent.
pub(crate) async fn store(
    client: &CacheClient,
    versions: &Versions,
    mut pack: PackRef,
    file: Arc<File>,
) -> Result<(PackRef, bool), StoreError> {
    for copy in 0..COPIES {
        pack.copy = copy;
        let key = pack.key();
        for _ in 0..WAITS {
            match client.reserve(&key, &versions.pack).await? {
                Reserved::Denied(why) => return Err(StoreError::Denied(why)),
                Reserved::New(url) => {
                    let content = Content::File { file: Arc::clone(&file), size: pack.size };
                    client.upload(&url, content).await?;
                    client.finalize(&key, &versions.pack, pack.size).await?;
                    return Ok((pack, true));
                }
                Reserved::Taken => {}
            }
            if let Some(url) = locate(client, versions, &pack).await? {
                if footer(client, &pack, &url).await?.is_some() {
                    return Ok((pack, false));
                }
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
    }
    Err(StoreError::Stuck(pack.hash.to_string()))
}
