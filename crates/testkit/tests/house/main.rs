//! The rules of the house that no compiler knows: who may import whom, which licences may come in, that what is
//! named is used, that rooms stay small, and that the documents name what there is.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod layers;
mod licences;
mod reference;
mod rooms;
mod workspace;
