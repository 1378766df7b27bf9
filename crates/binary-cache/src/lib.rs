//! Nix's binary cache protocol over HTTP: `nix-cache-info`, `<hash>.narinfo`, and NARs whole or in ranges.
//!
//! It serves whatever implements [`BinaryCache`], and knows neither where NARs lie nor who may read them; and it fetches from
//! other caches ([`upstream`]). Source of the protocol: Nix's `binary-cache-store.cc`, `http-binary-cache-store.cc` and `nar-info.cc`.

mod answer;
pub mod bulk;
mod cache;
mod decoder;
mod file;
mod name;
mod routes;
mod send;
#[cfg(test)]
mod tests;
pub mod upstream;

pub use cache::{About, BinaryCache, Bytestream, Content};
pub use decoder::decoder;
pub use file::{FORMS, File, Kept, Kind, Plain, is_hash_part};
pub use name::NarName;
pub use routes::{respond, routes};
