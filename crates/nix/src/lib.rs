//! Nix's formats and the local store.
//!
//! Store paths, nix32, hashes, content addresses, signatures, `.narinfo` texts and closures are plain values here: no
//! reading of files, no clock. NARs stream by: nothing holds a file's content. Every parser takes bytes from outside and
//! states its bounds.

pub mod closure;
pub mod content_address;
pub mod hash;
pub mod nar;
pub mod nar_info;
pub mod nix32;
pub mod path_info;
pub mod signature;
pub mod store_path;
