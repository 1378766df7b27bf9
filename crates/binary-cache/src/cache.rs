//! What there is to serve.

use std::error::Error;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use snowbank_nix::nar_info::NarInfo;
use snowbank_nix::store_path::StoreDir;

use crate::{Kept, NarName, Plain};

/// What a cache says of itself in `nix-cache-info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The directory that all its paths are in; Nix uses no cache of another.
    pub dir: StoreDir,
    /// Caches with a lower number are asked first; cache.nixos.org has 40.
    pub priority: u32,
}

/// Bytes as they come.
pub type Bytestream<E> = BoxStream<'static, Result<Bytes, E>>;

/// A cache of store paths.
pub trait BinaryCache: Send + Sync + 'static {
    /// Why something cannot be served that should be.
    type Error: Error + Send + Sync + 'static;
    /// Something that is there.
    type Body: Content<Error = Self::Error>;

    /// What it says of itself.
    fn about(&self) -> About;

    /// What it tells of the path whose name begins with these thirty-two digits; none when it has no such path.
    fn info(&self, hash_part: &str) -> impl Future<Output = Result<Option<NarInfo>, Self::Error>> + Send;

    /// The NAR of this name, a row of zstd frames; none when it is not there. An info's URL is [`NarName::url`].
    fn nar(&self, name: &NarName) -> impl Future<Output = Result<Option<Self::Body>, Self::Error>> + Send;

    /// A NAR, not compressed.
    fn plain(&self, _: &Plain) -> impl Future<Output = Result<Option<Self::Body>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// What is in the NAR of the path whose name begins with these digits, as JSON.
    fn listing(&self, _: &str) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// A file that was kept as it came.
    fn kept(&self, _: &Kept) -> impl Future<Output = Result<Option<Self::Body>, Self::Error>> + Send {
        async { Ok(None) }
    }
}

/// Bytes that are stored.
pub trait Content: Send + 'static {
    /// Why it cannot be read.
    type Error: Error + Send + Sync + 'static;

    /// How many there are, as served.
    fn size(&self) -> u64;

    /// These of them, not none. None when they turn out not to be there: whoever asked then gets the same answer as if
    /// they had never been, and goes on without.
    fn read(
        self,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<Bytestream<Self::Error>>, Self::Error>> + Send;
}
