//! Chunks, frames, packs and recipes: the content store.
//!
//! Every byte stream is kept as a *recipe* of *chunks* cut by content; each chunk is one independent zstd
//! *frame*; many frames lie in a *pack*. This crate cuts, stores, reads back and plans collection; which facts
//! are remembered where is the catalog's affair, reached through the [`index`] trait.

pub mod adopt;
pub mod assemble;
pub mod bucket;
pub mod budget;
pub mod check;
pub mod chunker;
pub mod collect;
pub mod frame;
pub mod id;
pub mod index;
pub mod ingest;
pub mod pack;
mod packer;
mod pool;
pub mod recipe;
mod spares;
pub mod tar;
pub mod verify;
mod wire;
mod work;
pub mod zstd_guard;
