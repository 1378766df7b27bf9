//! Things that the contracts of binary caches need. Paths and NARs are told apart by small numbers.

use std::collections::BTreeSet;

use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::SecretKey;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::fixtures::{LEASE, recipe, store};
use crate::Catalog;
use crate::ids::{CacheId, RecipeId};
use crate::rooms::{
    Cache, HashPart, KeptNar, NewNar, NewPath, Path, Publication, Published, Stage, StoredNar,
};

/// What readers of the cache itself see.
pub(super) const PLAIN: &str = "";
/// The view of a pull request.
pub(super) const PULL: &str = "refs/pull/7/merge";
/// Who pushes unless somebody else is named.
pub(super) const PUSHER: &str = "ci";

pub(super) async fn cache(catalog: &dyn Catalog) -> Cache {
    catalog.cache("main", "owner").await.unwrap()
}

/// What readers of a view see: itself, then the cache.
pub(super) fn seen_from(view: &str) -> Vec<String> {
    let mut views = vec![view.to_owned(), PLAIN.to_owned()];
    views.dedup();
    views
}

pub(super) fn path(number: u32) -> StorePath {
    format!("{number:032}-path").parse().unwrap()
}

pub(super) fn part(number: u32) -> HashPart {
    HashPart::of(&path(number))
}

pub(super) fn nar_hash(number: u32) -> NarHash {
    NarHash::of(&number.to_le_bytes())
}

/// Path `number` with NAR `number`, referring to these.
pub(super) fn info(number: u32, references: &[u32]) -> PathInfo {
    PathInfo {
        path: path(number),
        nar_hash: nar_hash(number),
        nar_size: 100,
        references: references.iter().copied().map(path).collect(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    }
}

/// Signed by a new key.
pub(super) fn signed(mut info: PathInfo) -> PathInfo {
    info.sign(&StoreDir::default(), &SecretKey::generate("key-1").unwrap());
    info
}

pub(super) fn stage(cache: CacheId, view: &str, name: &str) -> Stage {
    Stage { cache, view: view.to_owned(), pusher: PUSHER.to_owned(), name: name.to_owned() }
}

/// The name under which NAR `number` is staged.
pub(super) fn file_name(number: u32) -> String {
    format!("{number}.nar.xz")
}

pub(super) fn new_nar(recipe: RecipeId, number: u32) -> NewNar {
    NewNar { recipe, hash: nar_hash(number), size: 100, stored: 50, mentions: None }
}

/// A recipe under construction in the cache's domain.
pub(super) async fn fresh_recipe(catalog: &dyn Catalog, cache: &Cache) -> RecipeId {
    let pack = store(catalog, cache.domain, [1]).await;
    recipe(catalog, cache.domain, &[pack]).await
}

/// Stages NAR `number`.
pub(super) async fn push(catalog: &dyn Catalog, cache: &Cache, view: &str, number: u32) -> StoredNar {
    let new = new_nar(fresh_recipe(catalog, cache).await, number);
    let stage = stage(cache.id, view, &file_name(number));
    match catalog.keep_nar(&stage, &new, None, LEASE).await.unwrap() {
        KeptNar::New(nar) | KeptNar::Known(nar) => nar,
        KeptNar::Gone => panic!("the recipe's lease runs"),
    }
}

/// Publishes pushed paths, by [`PUSHER`].
pub(super) async fn publish(
    catalog: &dyn Catalog,
    cache: &Cache,
    view: &str,
    infos: impl IntoIterator<Item = PathInfo>,
) -> Published {
    let paths: Vec<NewPath> = infos.into_iter().map(|info| NewPath { info, upstream: false }).collect();
    let views = seen_from(view);
    let to = Publication { cache: cache.id, view, views: &views, pusher: PUSHER, elsewhere: &[] };
    catalog.publish(&to, &paths).await.unwrap()
}

/// Publishes a path of an upstream cache, where its references are found, too.
pub(super) async fn copy(catalog: &dyn Catalog, cache: &Cache, info: PathInfo) -> Published {
    let elsewhere: Vec<HashPart> = info.references.iter().map(HashPart::of).collect();
    let views = seen_from(PLAIN);
    let to =
        Publication { cache: cache.id, view: PLAIN, views: &views, pusher: PUSHER, elsewhere: &elsewhere };
    catalog.publish(&to, &[NewPath { info, upstream: true }]).await.unwrap()
}

/// Pushes and publishes a path, which must succeed.
pub(super) async fn add(catalog: &dyn Catalog, cache: &Cache, view: &str, info: PathInfo, nar: u32) -> Path {
    push(catalog, cache, view, nar).await;
    let part = HashPart::of(&info.path);
    assert_eq!(publish(catalog, cache, view, [info]).await, Published::Done { added: 1 });
    catalog.path(cache.id, &[view.to_owned()], part).await.unwrap().expect("it is published")
}

/// Sweeps until there is nothing to do.
pub(super) async fn sweep(catalog: &dyn Catalog) {
    while catalog.sweep_nars(100).await.unwrap() > 0 {}
}
