//! What there is to serve.

use std::error::Error;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use snowbank_nix::nar_info::NarInfo;
use snowbank_nix::store_path::StoreDir;

use crate::NarName;

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
    /// A NAR that is there.
    type Nar: Nar<Error = Self::Error>;

    /// What it says of itself.
    fn about(&self) -> About;

    /// What it tells of the path whose name begins with these thirty-two digits; none when it has no such path.
    fn info(&self, hash_part: &str) -> impl Future<Output = Result<Option<NarInfo>, Self::Error>> + Send;

    /// The NAR of this name; none when it is not there. An info's URL is [`NarName::url`].
    fn nar(&self, name: &NarName) -> impl Future<Output = Result<Option<Self::Nar>, Self::Error>> + Send;
}

/// A NAR as it is stored: a row of zstd frames.
pub trait Nar: Send + 'static {
    /// Why it cannot be read.
    type Error: Error + Send + Sync + 'static;

    /// Bytes of it, compressed.
    fn size(&self) -> u64;

    /// These bytes of it, not none. None when it turns out not to be there: whoever asked then gets the same answer as
    /// if it had never been, and goes on without.
    fn read(
        self,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Option<Bytestream<Self::Error>>, Self::Error>> + Send;
}
