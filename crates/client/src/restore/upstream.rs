//! Where paths come from that were not saved because an upstream cache has them.

use std::io;

use snowbank_binary_cache::upstream::{UpstreamError, Upstreams};
use snowbank_nix::path_info::PathInfo;

/// Where paths come from that were not saved because an upstream cache has them.
pub trait UpstreamSource: Send + Sync + 'static {
    /// Hands the NAR of `info` to `sink`, on a thread that may wait; gives back how many bytes came over the wire.
    /// `Ok` only when all of it was handed on, and has the hash and size of `info`.
    fn fetch<F>(&self, info: &PathInfo, sink: F) -> impl Future<Output = Result<u64, UpstreamError>> + Send
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static;
}

impl UpstreamSource for Upstreams {
    async fn fetch<F>(&self, info: &PathInfo, sink: F) -> Result<u64, UpstreamError>
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        Ok(Self::fetch(self, info, sink).await?.received)
    }
}
