//! Images' configs, as their blobs and other tools' files have them.
//!
//! A config is written as nix2container writes it: the fields of Go's `v1.Image` of the OCI image specification in their
//! order there, by Go's JSON. So an image that nix2container pushed has the same config, byte for byte, when nothing is added.
//! It differs where nix2container loses something (`Healthcheck`, written last as Docker has it), and for an image without
//! layers, whose `diff_ids` are `[]` here, as the specification has it, and `null` there.

mod file;
mod healthcheck;
mod history;
mod image_config;
mod timestamp;

pub use crate::json::limits::TooLarge;
pub use crate::json::read::JsonError;
pub use file::{ConfigError, ConfigFile};
pub use healthcheck::Healthcheck;
pub use history::History;
pub use image_config::ImageConfig;
pub use timestamp::{Timestamp, TimestampError};
