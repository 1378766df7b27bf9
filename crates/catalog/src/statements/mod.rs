//! The rooms in SQL, one file each.
//!
//! Rows are locked in one order everywhere, so that transactions rarely stand in each other's way: jobs, uploads,
//! repositories, entries, representations, recipes, pages, packs. Where several rows of one kind are locked, it is
//! by rising number.

mod codes;
mod entries;
mod jobs;
mod packs;
mod recipes;
mod repositories;
mod representations;
mod slots;
mod uploads;
