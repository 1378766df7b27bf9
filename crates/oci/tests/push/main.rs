//! Pushes of images to a strict stand-in for a registry: what is asked, what is read and what is sent.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod again;
mod cold;
mod compression;
mod indexes;
mod lies;
mod lost;
mod missing;
mod mounts;
mod nars;
mod other_tags;
mod sboms;
mod scene;
