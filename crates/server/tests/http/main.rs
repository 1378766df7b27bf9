//! The protocols over a real socket, against the real service on SQLite and a folder: what each client sends, byte
//! for byte, and what nobody should send.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod administration;
mod artifactcache;
mod browser;
mod buildkit;
mod bulk;
mod connections;
mod dashboard;
mod described;
mod downloads;
mod events;
mod github_tokens;
mod issuer;
mod layers;
mod listed_tokens;
mod magic_nix_cache;
mod malformed;
mod misses;
mod monitoring;
mod npm;
mod oidc;
mod openapi;
mod opendal;
mod pulls;
mod rest;
mod rest_limits;
mod rest_usage;
mod saving_faults;
mod signed_urls;
mod support;
mod swap;
mod tokens;
mod uploads;
mod views;
