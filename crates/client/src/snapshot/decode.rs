//! A snapshot from the bytes of an index entry, nothing of which is believed before it was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use prost::Message;
use snowbank_cas::id::ObjectHash;
use snowbank_cas::pack::{MAX_FRAMES, MAX_OBJECT};
use snowbank_nix::closure::Closure;
use snowbank_nix::hash::{Digest, NarHash};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::Signature;
use snowbank_nix::store::{Derivation, Realisation, RealisationId};
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::{
    HEADER, MAGIC, MAX_MESSAGE, PackRef, Recipe, Run, SavedPath, SavedTree, Snapshot, SnapshotError, Source,
    VERSION, wire,
};

/// Bytes of the longest name of an output, a run or a tree.
const MAX_NAME: usize = 255;

impl Snapshot {
    /// Reads an index entry. Holds the message ([`MAX_MESSAGE`] bytes at most) and what comes of it.
    ///
    /// # Errors
    /// When it is not an index that [`Snapshot::encode`] of this or an older version made: names that are none, places
    /// that are not there, references that make no closure, sizes that no pack has.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let message =
            wire::Index::decode(&*unwrap(bytes)?).map_err(|_| SnapshotError::Damaged("not a message"))?;
        let dir = StoreDir::new(&message.dir)
            .ok_or_else(|| SnapshotError::invalid("store directory", &message.dir))?;
        let packs: Vec<_> = message.packs.iter().map(pack).collect::<Result<_, _>>()?;
        let names: Vec<StorePath> =
            message.paths.iter().map(|path| parse("store path", &path.name)).collect::<Result<_, _>>()?;
        if !names.is_sorted_by(|one, next| one < next) {
            return Err(SnapshotError::Damaged("its paths are not in order"));
        }
        let paths: BTreeMap<_, _> = message
            .paths
            .into_iter()
            .zip(&names)
            .map(|(path, name)| Ok((name.clone(), saved(path, name, &names, &packs)?)))
            .collect::<Result<_, SnapshotError>>()?;
        Closure::new(paths.values().map(|path| path.info.clone()))
            .map_err(|error| SnapshotError::invalid("closure", error))?;
        let realisations =
            message.realisations.into_iter().map(|one| realisation(one, &names)).collect::<Result<_, _>>()?;
        let trees = message.trees.into_iter().map(|one| tree(one, &packs)).collect::<Result<_, _>>()?;
        // Each once: what is told of more often would be fetched more often.
        let mut seen = BTreeSet::new();
        let used = message.used.iter().filter(|&&at| seen.insert(at)).map(|&at| place(&names, at));
        let used = used.collect::<Result<_, _>>()?;
        Ok(Self { dir, run: short("run", message.run)?, packs, paths, realisations, trees, used })
    }
}

/// The message of an entry, intact.
fn unwrap(bytes: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let (header, body) = bytes.split_at_checked(HEADER).ok_or(SnapshotError::NotAnIndex)?;
    let (magic, header) = header.split_at(MAGIC.len());
    let (version, header) = header.split_at(4);
    let (size, hash) = header.split_at(8);
    if magic != MAGIC {
        return Err(SnapshotError::NotAnIndex);
    }
    let found = u32::from_le_bytes(version.try_into().map_err(|_| SnapshotError::NotAnIndex)?);
    if found == 0 {
        return Err(SnapshotError::NotAnIndex);
    }
    if found > VERSION {
        return Err(SnapshotError::Newer { found, known: VERSION });
    }
    let size = u64::from_le_bytes(size.try_into().map_err(|_| SnapshotError::NotAnIndex)?);
    if size > MAX_MESSAGE {
        return Err(SnapshotError::TooLarge { size, bound: MAX_MESSAGE });
    }
    let message = zstd::bulk::decompress(body, size as usize)
        .map_err(|_| SnapshotError::Damaged("it cannot be decompressed"))?;
    if message.len() as u64 != size || blake3::hash(&message).as_bytes() != hash {
        return Err(SnapshotError::Damaged("its content has another hash"));
    }
    Ok(message)
}

fn pack(pack: &wire::Pack) -> Result<PackRef, SnapshotError> {
    let sizes = pack.size <= MAX_OBJECT && pack.footer_len > 0 && u64::from(pack.footer_len) < pack.size;
    if !sizes {
        return Err(SnapshotError::invalid("pack size", pack.size));
    }
    Ok(PackRef {
        hash: ObjectHash::from_bytes(hash("pack", &pack.hash)?),
        size: pack.size,
        footer_len: pack.footer_len,
        footer_hash: ObjectHash::from_bytes(hash("pack footer", &pack.footer_hash)?),
        copy: pack.copy,
    })
}

fn saved(
    path: wire::Path,
    name: &StorePath,
    names: &[StorePath],
    packs: &[PackRef],
) -> Result<SavedPath, SnapshotError> {
    let references: BTreeSet<_> =
        path.references.iter().map(|&at| place(names, at)).collect::<Result<_, _>>()?;
    let filled = |text: String| (!text.is_empty()).then_some(text);
    let info = PathInfo {
        path: name.clone(),
        nar_hash: NarHash::from_bytes(hash("NAR", &path.nar_hash)?),
        nar_size: path.nar_size,
        references,
        deriver: filled(path.deriver).map(|text| parse("deriver", &text)).transpose()?,
        signatures: signatures(&path.signatures)?,
        ca: filled(path.ca).map(|text| parse("content address", &text)).transpose()?,
    };
    let source = if path.upstream { Source::Upstream } else { Source::Packs(recipe(&path.runs, packs)?) };
    Ok(SavedPath { info, source, unused: path.unused })
}

fn recipe(numbers: &[u32], packs: &[PackRef]) -> Result<Recipe, SnapshotError> {
    let (runs, rest) = numbers.as_chunks::<3>();
    if runs.is_empty() || !rest.is_empty() {
        return Err(SnapshotError::Damaged("a recipe breaks off"));
    }
    let run = |&[pack, first, count]: &[u32; 3]| {
        let ends = u64::from(first) + u64::from(count) <= MAX_FRAMES as u64;
        let good = (pack as usize) < packs.len() && count > 0 && ends;
        good.then_some(Run { pack, first, count }).ok_or(SnapshotError::Damaged("a recipe leads nowhere"))
    };
    Ok(Recipe(runs.iter().map(run).collect::<Result<_, _>>()?))
}

fn realisation(message: wire::Realisation, names: &[StorePath]) -> Result<Realisation, SnapshotError> {
    Ok(Realisation {
        id: id(message.id.ok_or(SnapshotError::Damaged("a realisation has no name"))?)?,
        path: place(names, message.path)?,
        signatures: signatures(&message.signatures)?,
        needs: message.needs.into_iter().map(id).collect::<Result<_, _>>()?,
    })
}

fn id(id: wire::RealisationId) -> Result<RealisationId, SnapshotError> {
    let derivation = match id.derivation.ok_or(SnapshotError::Damaged("a realisation has no derivation"))? {
        wire::Derivation::Modulo(text) => {
            Derivation::Modulo(Digest::parse(&text).map_err(|_| SnapshotError::invalid("hash", text))?)
        }
        wire::Derivation::Path(text) => Derivation::Path(parse("derivation", &text)?),
    };
    Ok(RealisationId { derivation, output: short("output", id.output)? })
}

/// The caller decides which names it takes; none leads out of its folder.
fn tree(tree: wire::Tree, packs: &[PackRef]) -> Result<(String, SavedTree), SnapshotError> {
    let name = short("name", tree.name)?;
    if matches!(&*name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(SnapshotError::invalid("name", name));
    }
    let nar_hash = NarHash::from_bytes(hash("NAR", &tree.nar_hash)?);
    Ok((name, SavedTree { nar_hash, nar_size: tree.nar_size, recipe: recipe(&tree.runs, packs)? }))
}

fn place(names: &[StorePath], at: u32) -> Result<StorePath, SnapshotError> {
    names.get(at as usize).cloned().ok_or(SnapshotError::Damaged("a reference leads nowhere"))
}

fn signatures(texts: &[String]) -> Result<BTreeSet<Signature>, SnapshotError> {
    texts.iter().map(|text| parse("signature", text)).collect()
}

fn hash(what: &'static str, bytes: &[u8]) -> Result<[u8; 32], SnapshotError> {
    bytes.try_into().map_err(|_| SnapshotError::invalid(what, "a hash of another length"))
}

fn short(what: &'static str, text: String) -> Result<String, SnapshotError> {
    if text.len() > MAX_NAME { Err(SnapshotError::invalid(what, text)) } else { Ok(text) }
}

fn parse<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, SnapshotError> {
    text.parse().map_err(|_| SnapshotError::invalid(what, text))
}
