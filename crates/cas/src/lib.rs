//! Chunks, frames, packs and recipes: the content store.
//!
//! Every byte stream is kept as a *recipe* of *chunks* cut by content; each chunk is one independent zstd
//! *frame*; many frames lie in a *pack*. This crate cuts, stores, reads back and plans collection; which facts
//! are remembered where is the catalog's affair, reached through the [`index`] trait.

pub mod chunker;
pub mod id;
pub mod recipe;
pub mod tar;
