//! How layers are compressed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::descriptor::media_type;

/// How layers are compressed. The bytes depend on the library's release, so a compressed layer's digest is a fact to be
/// recorded and never computed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: a blob's digest is its diff id.
    None,
    /// Everything reads it.
    Gzip,
    /// Smaller and several times faster; containerd 1.5, Docker 23 and what is newer read it.
    Zstd,
}

impl Compression {
    /// The media type of a layer.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::None => media_type::LAYER,
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// What a media type, of OCI or of Docker, says.
    #[must_use]
    pub fn of_media_type(text: &str) -> Option<Self> {
        match text {
            media_type::DOCKER_LAYER_GZIP => Some(Self::Gzip),
            "application/vnd.docker.image.rootfs.diff.tar" => Some(Self::None),
            _ => [Self::None, Self::Gzip, Self::Zstd].into_iter().find(|one| one.media_type() == text),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no compression.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no such compression; there are zstd, gzip and none")]
pub struct UnknownCompression;

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, UnknownCompression> {
        [Self::None, Self::Gzip, Self::Zstd]
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(UnknownCompression)
    }
}
