//! The rooms: one trait for each kind of fact.

mod browse;
mod caches;
mod entries;
mod events;
mod figures;
mod files;
mod jobs;
mod layers;
mod limits;
mod nars;
mod packs;
mod parcels;
mod paths;
mod pins;
mod recipes;
mod repositories;
mod representations;
mod tokens;
mod uploads;

pub use browse::*;
pub use caches::*;
pub use entries::*;
pub use events::*;
pub use figures::*;
pub use files::*;
pub use jobs::*;
pub use layers::*;
pub use limits::*;
pub use nars::*;
pub use packs::*;
pub use parcels::*;
pub use paths::*;
pub use pins::*;
pub use recipes::*;
pub use repositories::*;
pub use representations::*;
pub use tokens::*;
pub use uploads::*;

/// All rooms of one database.
pub trait Catalog:
    Repositories
    + Uploads
    + Entries
    + Representations
    + Packs
    + Recipes
    + Jobs
    + Caches
    + Nars
    + Paths
    + Pins
    + Files
    + Parcels
    + Layers
    + Limits
    + Tokens
    + Figures
    + Lookups
    + Removals
    + Saves
    + ImagePushes
    + Tallies
    + Events
    + Browse
    + Send
    + Sync
    + 'static
{
}

impl<T> Catalog for T where
    T: Repositories
        + Uploads
        + Entries
        + Representations
        + Packs
        + Recipes
        + Jobs
        + Caches
        + Nars
        + Paths
        + Pins
        + Files
        + Parcels
        + Layers
        + Limits
        + Tokens
        + Figures
        + Lookups
        + Removals
        + Saves
        + ImagePushes
        + Tallies
        + Events
        + Browse
        + Send
        + Sync
        + 'static
{
}
