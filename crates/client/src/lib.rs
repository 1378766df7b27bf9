//! Saving a Nix store to a cache service and restoring it.
//!
//! A *snapshot* is a small index entry, one generation of a series, and pack entries that hold the frames of what is
//! in it. It is a hint, never a promise: whatever is missing or damaged is a miss for what needs it and for nothing
//! else. This crate prints nothing; it tells an [`observer::Observer`] what goes on.

pub mod doctor;
pub mod identity;
pub mod image;
pub mod nix_cache;
pub mod nix_conf;
pub mod observer;
mod packing;
mod packs;
pub mod pull;
pub mod push;
pub mod restore;
pub mod save;
pub mod selection;
pub mod series;
pub mod set_up;
pub mod site;
pub mod snapshot;
pub mod stamp;
pub mod substituter;
pub mod text;
pub mod tidy;
pub mod watch;
