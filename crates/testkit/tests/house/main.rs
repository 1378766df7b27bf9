//! The rules of the house that no compiler knows: who may import whom, which licences may come in, that what is
//! named is used, and that rooms stay small.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod layers;
mod licences;
mod rooms;
mod workspace;
