//! The cache service: use cases in [`service`], its protocols over HTTP in [`http`].

pub mod http;
pub mod service;
pub mod settings;
