//! The formats of lists.

use std::fmt;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// SPDX 2.3 as JSON (ISO/IEC 5962 is its release 2.2.1).
    Spdx,
    /// CycloneDX 1.5 as JSON (ECMA-424 is its release 1.6).
    CycloneDx,
}

impl Format {
    /// The media type, as IANA has it registered.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spdx => "SPDX",
            Self::CycloneDx => "CycloneDX",
        })
    }
}
