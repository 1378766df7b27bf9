//! Container images that Nix built, and a push that sends only what the other side lacks.
//!
//! A layer ([`layer`]) is what some store paths become as a tar; its bytes follow from the paths' NARs and nothing else, so a
//! layer that was made once is known by them ([`record`]) and need not be made again where its blob is there already.
//! Sources of the formats: the OCI image and distribution specifications, and nix2container for its JSON and its tars.

pub mod archive;
pub mod blob;
pub mod compress;
pub mod compression;
pub mod config;
pub mod descriptor;
pub mod destination;
pub mod digest;
mod files;
pub mod image;
pub mod image_json;
pub mod inspect;
mod json;
pub mod labels;
pub mod layer;
pub mod layout;
mod made;
pub mod manifest;
pub mod nix_database;
pub mod package;
pub mod plan;
pub mod push;
pub mod record;
pub mod reference;
pub mod registry;
#[cfg(test)]
mod samples;
pub mod sbom;
mod spool;
pub mod tar;
pub mod target;
pub mod tree;
pub mod volumes;
