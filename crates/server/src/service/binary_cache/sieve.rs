//! What comes as a NAR: unpacked, held to the grammar, hashed, searched for store paths, and cut at its larger files.

use std::io::{self, Read};

use snowbank_binary_cache::decoder;
use snowbank_cas::chunker::Params;
use snowbank_cas::ingest::Cuts;
use snowbank_nix::hash::{NarHash, NarHasher};
use snowbank_nix::mentions::{MentionScanner, Mentions};
use snowbank_nix::nar::{Layout, NarError};
use snowbank_nix::nar_info::Compression;

/// Bytes that are unpacked at once.
const STEP: usize = 256 << 10;
/// How many bytes each byte that came may unpack to ...
const RATIO: u64 = 2000;
/// ... beside these, which are always allowed.
const ALLOWANCE: u64 = 1 << 30;

/// What a NAR turned out to be.
#[derive(Debug)]
pub(super) struct Sieved {
    pub(super) hash: NarHash,
    /// Bytes of it.
    pub(super) size: u64,
    /// The store paths that may be named in it; none where there are too many.
    pub(super) mentions: Option<Mentions>,
}

/// What is found out of a NAR while it passes. Holds 2 MiB.
#[derive(Default)]
pub(super) struct Inspection {
    hasher: NarHasher,
    mentions: MentionScanner,
}

impl Inspection {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.mentions.update(bytes);
    }

    pub(super) fn finish(self) -> Sieved {
        let (hash, size) = self.hasher.finish();
        Sieved { hash, size, mentions: self.mentions.finish() }
    }
}

/// Why something is not kept as a NAR.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("a NAR cannot be compressed with {0} here")]
    Compression(&'static str),
    #[error("it cannot be decompressed")]
    Damaged(#[source] io::Error),
    #[error("{packed} bytes of it unpack to more than {most}")]
    Bomb { packed: u64, most: u64 },
    #[error("what it unpacks to is no NAR")]
    Grammar(#[from] NarError),
    #[error("nobody waits for it any more")]
    Unwanted(#[source] io::Error),
}

impl Unfit {
    /// Whether whoever sent it is to blame: not where the disk here could not be read, or the ingest is over elsewhere.
    pub(super) fn is_the_senders(&self) -> bool {
        match self {
            Self::Damaged(error) => error.raw_os_error().is_none(),
            Self::Unwanted(_) => false,
            Self::Compression(_) | Self::Bomb { .. } | Self::Grammar(_) => true,
        }
    }
}

/// Takes a NAR of `packed` bytes apart. Holds what the decompression needs (128 MiB at most), a step, a name, and what
/// it mentions.
pub(super) fn sieve(
    source: Box<dyn io::BufRead>,
    packed: u64,
    compression: Compression,
    params: Params,
    cuts: &mut Cuts<'_>,
) -> Result<Sieved, Unfit> {
    let most = packed.saturating_mul(RATIO).saturating_add(ALLOWANCE);
    let decoder = decoder(compression, source).map_err(Unfit::Damaged)?;
    let mut decoder = decoder.ok_or(Unfit::Compression(compression.name()))?;
    let mut layout = Layout::new(u64::from(params.file_threshold()));
    let mut inspection = Inspection::default();
    let mut step = vec![0; STEP];
    let mut size = 0;
    loop {
        let len = match decoder.read(&mut step) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Unfit::Damaged(error)),
        };
        size += len as u64;
        if size > most {
            return Err(Unfit::Bomb { packed, most });
        }
        let bytes = &step[..len];
        inspection.update(bytes);
        cut(bytes, &mut layout, cuts)?;
    }
    layout.finish()?;
    Ok(inspection.finish())
}

fn cut(mut bytes: &[u8], layout: &mut Layout, cuts: &mut Cuts<'_>) -> Result<(), Unfit> {
    while !bytes.is_empty() {
        let step = layout.advance(bytes)?;
        let (run, behind) = bytes.split_at(step.len);
        cuts.push(run).map_err(Unfit::Unwanted)?;
        if step.cut {
            cuts.boundary();
        }
        bytes = behind;
    }
    Ok(())
}
