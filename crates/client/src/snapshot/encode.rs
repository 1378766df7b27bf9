//! A snapshot into the bytes of an index entry.

use std::collections::HashMap;

use prost::Message;
use snowbank_nix::store::{Derivation, Realisation, RealisationId};
use snowbank_nix::store_path::StorePath;

use super::{HEADER, MAGIC, PackRef, Recipe, SavedPath, SavedTree, Snapshot, Source, VERSION, wire};

/// The level of zstd: an index is small, and sent and fetched often.
const LEVEL: i32 = 9;

impl Snapshot {
    /// The index entry of this snapshot: a header (magic, version, bytes and BLAKE3 of the message) and the
    /// message under zstd. Equal snapshots give equal bytes.
    ///
    /// # Errors
    /// When there is no memory to compress it.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        let message = self.message().encode_to_vec();
        let mut bytes = Vec::with_capacity(HEADER + message.len() / 2);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((message.len() as u64).to_le_bytes());
        bytes.extend(blake3::hash(&message).as_bytes());
        bytes.extend(zstd::bulk::compress(&message, LEVEL)?);
        Ok(bytes)
    }

    fn message(&self) -> wire::Index {
        let places: HashMap<_, _> = self.paths.keys().zip(0u32..).collect();
        wire::Index {
            dir: self.dir.as_str().to_owned(),
            run: self.run.clone(),
            packs: self.packs.iter().map(pack).collect(),
            paths: self.paths.values().map(|path| saved(path, &places)).collect(),
            realisations: self.realisations.iter().filter_map(|one| realisation(one, &places)).collect(),
            trees: self.trees.iter().map(tree).collect(),
            used: self.used.iter().filter_map(|path| places.get(path).copied()).collect(),
        }
    }
}

type Places<'a> = HashMap<&'a StorePath, u32>;

fn pack(pack: &PackRef) -> wire::Pack {
    wire::Pack {
        hash: pack.hash.as_bytes().to_vec(),
        size: pack.size,
        footer_len: pack.footer_len,
        footer_hash: pack.footer_hash.as_bytes().to_vec(),
        copy: pack.copy,
    }
}

fn saved(SavedPath { info, source, unused }: &SavedPath, places: &Places<'_>) -> wire::Path {
    wire::Path {
        name: info.path.to_string(),
        nar_hash: info.nar_hash.bytes().to_vec(),
        nar_size: info.nar_size,
        references: info.references.iter().filter_map(|path| places.get(path).copied()).collect(),
        deriver: info.deriver.as_ref().map(ToString::to_string).unwrap_or_default(),
        signatures: info.signatures.iter().map(ToString::to_string).collect(),
        ca: info.ca.as_ref().map(ToString::to_string).unwrap_or_default(),
        unused: *unused,
        upstream: *source == Source::Upstream,
        runs: match source {
            Source::Upstream => Vec::new(),
            Source::Packs(recipe) => runs(recipe),
        },
    }
}

fn runs(recipe: &Recipe) -> Vec<u32> {
    recipe.0.iter().flat_map(|run| [run.pack, run.first, run.count]).collect()
}

fn tree((name, tree): (&String, &SavedTree)) -> wire::Tree {
    wire::Tree {
        name: name.clone(),
        nar_hash: tree.nar_hash.bytes().to_vec(),
        nar_size: tree.nar_size,
        runs: runs(&tree.recipe),
    }
}

/// None for a realisation of a path that is not in the snapshot.
fn realisation(realisation: &Realisation, places: &Places<'_>) -> Option<wire::Realisation> {
    Some(wire::Realisation {
        id: Some(id(&realisation.id)),
        path: *places.get(&realisation.path)?,
        signatures: realisation.signatures.iter().map(ToString::to_string).collect(),
        needs: realisation.needs.iter().map(id).collect(),
    })
}

fn id(id: &RealisationId) -> wire::RealisationId {
    let derivation = match &id.derivation {
        Derivation::Modulo(hash) => wire::Derivation::Modulo(hash.to_string()),
        Derivation::Path(path) => wire::Derivation::Path(path.to_string()),
    };
    wire::RealisationId { derivation: Some(derivation), output: id.output.clone() }
}
