//! The rooms in SQL, one file each.
//!
//! Rows are locked in one order everywhere, so that transactions rarely stand in each other's way: jobs, uploads,
//! repositories, entries, representations, caches, paths, staged NARs, NARs, files, recipes, parcels, layers, pages, packs, limits. Where several
//! rows of one kind are locked, it is by rising number.

mod browse;
mod caches;
mod codes;
mod entries;
mod events;
mod figures;
mod files;
mod jobs;
mod kept;
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
mod slots;
mod tokens;
mod uploads;
