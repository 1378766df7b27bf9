//! The rooms: one trait for each kind of fact.

mod entries;
mod jobs;
mod packs;
mod recipes;
mod repositories;
mod representations;
mod uploads;

pub use entries::*;
pub use jobs::*;
pub use packs::*;
pub use recipes::*;
pub use repositories::*;
pub use representations::*;
pub use uploads::*;

/// All rooms of one database.
pub trait Catalog:
    Repositories + Uploads + Entries + Representations + Packs + Recipes + Jobs + Send + Sync + 'static
{
}

impl<T> Catalog for T where
    T: Repositories + Uploads + Entries + Representations + Packs + Recipes + Jobs + Send + Sync + 'static
{
}
