//! Nix's formats and the local store.
//!
//! Store paths, hashes, content addresses, signatures, `.narinfo` texts and closures are plain values. NARs stream by:
//! nothing holds a file's content. [`store`] reads the store of this machine, and writes to it as Nix does. Every parser
//! takes bytes from outside and states its bounds; nothing here needs a runtime, the environment or a clock.

pub mod closure;
pub mod content_address;
pub mod daemon;
pub mod derivation;
pub mod hash;
pub mod mentions;
pub mod nar;
pub mod nar_info;
pub mod nix32;
pub mod path_info;
pub mod signature;
pub mod store;
pub mod store_path;
