//! GitHub's limits, the defaults of ours.
//!
//! Source: GitHub's documentation of dependency caching and its changelog of November 2025 and January 2026.

use std::time::Duration;

/// Bytes of all caches of one repository; beyond it the least recently used go.
pub const REPOSITORY_BYTES: u64 = 10_000_000_000;

/// A cache that nobody uses for so long goes.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often GitHub looks after both limits.
pub const EVICTION_PERIOD: Duration = Duration::from_secs(3600);

/// New caches a minute and repository that GitHub allows before it answers 429.
pub const UPLOADS_PER_MINUTE: u32 = 200;

/// The longest key, in UTF-16 code units, which is how the clients count.
pub const KEY_UNITS: usize = 512;

/// Keys of one lookup, the primary one included.
pub const LOOKUP_KEYS: usize = 10;

/// The longest version, in bytes. Clients send 64 hexadecimal digits or a short text of their own.
pub const VERSION_BYTES: usize = 512;

/// Blocks of one blob. Source: Azure's Put Block List.
pub const BLOCKS: usize = 50_000;
