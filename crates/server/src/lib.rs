//! The cache service: use cases in [`service`], its protocols over HTTP in [`http`], its dashboard in `web`.

pub mod http;
pub mod service;
pub mod settings;
mod web;
