//! Why an image cannot be looked at.

use crate::config::ConfigError;
use crate::destination::DestinationError;
use crate::manifest::ManifestError;

/// Why an image cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The registry or folder did not say.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// There is nothing under that name.
    #[error("there is no image {0}")]
    Missing(String),
    /// What is there cannot be read.
    #[error("what {name} names is no image")]
    Manifest {
        /// The image.
        name: String,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// An index that has no image for the platform.
    #[error("{name} has no image for {wanted}; it has {there}")]
    Platform {
        /// The index.
        name: String,
        /// The platform.
        wanted: String,
        /// Those that it has: `linux/amd64, linux/arm64`.
        there: String,
    },
    /// Something else that is kept in registries: an SBOM, a chart, a signature.
    #[error("{name} is no image: its config is of the type {kind:?}")]
    NoImage {
        /// What was asked for.
        name: String,
        /// What it says of itself.
        kind: String,
    },
    /// An index names an image, or a manifest a config, that is not there.
    #[error("{name} names {what}, which is not there: the image is not complete; push it again")]
    Incomplete {
        /// The image.
        name: String,
        /// The manifest or config, by its digest.
        what: String,
    },
    /// Its config cannot be read.
    #[error("the config of {name} cannot be read")]
    Config {
        /// The image.
        name: String,
        /// What is wrong.
        #[source]
        source: ConfigError,
    },
    /// Manifest and config do not belong together.
    #[error("the manifest of {name} has {layers} layers, and its config tells of {diff_ids}")]
    Layers {
        /// The image.
        name: String,
        /// Layers of the manifest.
        layers: usize,
        /// Layers of the config.
        diff_ids: usize,
    },
}
