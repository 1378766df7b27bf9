//! How patient the fetching from upstream caches is, and how much of it goes on at once.

use std::{path::PathBuf, time::Duration};

/// Bounds of the fetching from upstream caches.
#[derive(Clone, Debug)]
pub struct UpstreamOptions {
    /// NARs that are fetched at once. Each may hold the window of its compression (128 MiB at most, 8 MiB as caches
    /// usually compress) and 2 MiB more.
    pub transfers: usize,
    /// `.narinfo` files that are asked for at once; each holds 1 MiB at most.
    pub lookups: usize,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long an answer may take to begin, and how long next to nothing (less than 16 KiB) of it may come then.
    pub stall: Duration,
    /// How often something is asked for before it is given up.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is twice as long, and up to half as long again by chance.
    pub backoff: Duration,
    /// After so long of nothing but failures and silence, something is not asked for again.
    pub patience: Duration,
    /// Whether the system's settings of a proxy (`https_proxy` and its like) count.
    pub system_proxy: bool,
    /// A PEM file of certificates that are believed instead of the system's, as Nix's `ssl-cert-file`.
    pub certificates: Option<PathBuf>,
}

impl Default for UpstreamOptions {
    fn default() -> Self {
        Self {
            transfers: 16,
            lookups: 25,
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            attempts: 5,
            backoff: Duration::from_millis(250),
            patience: Duration::from_secs(60),
            system_proxy: true,
            certificates: None,
        }
    }
}
