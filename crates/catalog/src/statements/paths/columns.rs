//! A path's columns.

use std::collections::BTreeSet;
use std::str::FromStr;

use snowbank_nix::content_address::ContentAddress;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::Signature;
use snowbank_nix::store_path::StorePath;

use crate::ids::{NarId, RecipeId};
use crate::rooms::{HashPart, NarPlace, Path, PathRow};
use crate::sql::{Cells, Columns, Read};

/// What a [`PathInfo`] is read from.
macro_rules! info_columns {
    () => {
        "paths.hash_part, paths.name, paths.nar_hash, paths.nar_size, paths.refs, paths.deriver, \
         paths.signatures, paths.ca"
    };
}
pub(super) use info_columns;

/// What a [`Path`] is read from; `paths` must be joined with [`its_nar`].
macro_rules! path_columns {
    () => {
        "paths.id, paths.view, paths.upstream, paths.created, paths.used, paths.hash_part, paths.name, \
         paths.nar_hash, paths.nar_size, paths.refs, paths.deriver, paths.signatures, paths.ca, \
         nars.id, nars.recipe, nars.stored"
    };
}
pub(in crate::statements) use path_columns;

/// The join that leads to a path's NAR.
macro_rules! its_nar {
    () => {
        " LEFT JOIN nars ON nars.id = paths.nar "
    };
}
pub(in crate::statements) use its_nar;

/// References as their column has them.
pub(super) fn references(references: &BTreeSet<StorePath>) -> String {
    let names: Vec<&str> = references.iter().map(StorePath::base_name).collect();
    names.join(" ")
}

/// Signatures as their column has them.
pub(super) fn signatures(signatures: &BTreeSet<Signature>) -> String {
    let words: Vec<String> = signatures.iter().map(Signature::to_string).collect();
    words.join(" ")
}

impl Read for StorePath {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<String>()?.parse().ok()
    }
}

impl Read for HashPart {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Self::parse(&columns.read::<String>()?)
    }
}

fn words<T: FromStr, C: FromIterator<T>>(text: &str) -> Option<C> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

fn optional<T: FromStr>(text: Option<String>) -> Option<Option<T>> {
    text.map(|text| text.parse()).transpose().ok()
}

impl Read for PathInfo {
    const NOUN: &'static str = "path";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let (hash_part, name) = (columns.read::<HashPart>()?, columns.read::<String>()?);
        Some(Self {
            path: format!("{hash_part}-{name}").parse().ok()?,
            nar_hash: columns.read()?,
            nar_size: columns.read()?,
            references: words(&columns.read::<String>()?)?,
            deriver: optional(columns.read()?)?,
            signatures: words(&columns.read::<String>()?)?,
            ca: optional::<ContentAddress>(columns.read()?)?,
        })
    }
}

impl Read for Option<NarPlace> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let id = columns.read::<Option<i64>>()?;
        let recipe = columns.read::<Option<i64>>()?;
        let stored = columns.read::<Option<u64>>()?;
        match (id, recipe, stored) {
            (Some(id), Some(recipe), Some(stored)) => {
                Some(Some(NarPlace { id: NarId(id), recipe: RecipeId(recipe), stored }))
            }
            (None, None, None) => Some(None),
            _ => None,
        }
    }
}

impl Read for Path {
    const NOUN: &'static str = "path";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            view: columns.read()?,
            upstream: columns.read()?,
            created: columns.read()?,
            used: columns.read()?,
            info: columns.read()?,
            nar: columns.read()?,
        })
    }
}

impl Read for PathRow {
    const NOUN: &'static str = "path";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let (id, view, hash_part) = (columns.read()?, columns.read()?, columns.read()?);
        let references = columns.read::<String>()?;
        let part = |name: &str| HashPart::parse(name.get(..snowbank_nix::store_path::HASH_LEN)?);
        Some(Self {
            id,
            view,
            hash_part,
            references: references.split_ascii_whitespace().map(part).collect::<Option<_>>()?,
            upstream: columns.read()?,
            nar: columns.read::<Option<i64>>()?.map(NarId),
            stored: columns.read()?,
            created: columns.read()?,
            used: columns.read()?,
        })
    }
}
