//! How large chunks are.

use super::gear::WINDOW;

/// Bytes of the largest chunk that any reader accepts, whatever the parameters of its writer.
pub const MAX_CHUNK: u32 = 8 << 20;

/// These lengths cannot be cut by.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The lengths do not rise, or reach beyond what the hash needs or readers accept.
    #[error("chunk lengths must rise from {WINDOW} to {MAX_CHUNK} bytes: min {min}, avg {avg}, max {max}")]
    Lengths {
        /// The minimum asked for, in bytes.
        min: u32,
        /// The average asked for, in bytes.
        avg: u32,
        /// The maximum asked for, in bytes.
        max: u32,
    },
    /// The average decides how many bits of the hash are looked at.
    #[error("the average chunk length must be a power of two, not {0}")]
    Average(u32),
}

/// How large chunks are, all in bytes. Streams that are to share chunks must be cut by the same parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    min: u32,
    avg: u32,
    max: u32,
    file_threshold: u32,
}

impl Params {
    /// Lengths to cut by, and from which size on a file in a tar gets chunks of its own.
    ///
    /// # Errors
    /// When the lengths do not rise strictly within bounds, or the average is no power of two.
    pub const fn new(min: u32, avg: u32, max: u32, file_threshold: u32) -> Result<Self, ParamsError> {
        if !avg.is_power_of_two() {
            return Err(ParamsError::Average(avg));
        }
        if min < WINDOW as u32 || min >= avg || avg >= max || max > MAX_CHUNK {
            return Err(ParamsError::Lengths { min, avg, max });
        }
        Ok(Self { min, avg, max, file_threshold })
    }

    /// No chunk is shorter, unless the stream, or a file in a tar, ends or begins.
    #[must_use]
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// From this length on a cut is more likely. Always a power of two.
    #[must_use]
    pub const fn avg(&self) -> u32 {
        self.avg
    }

    /// No chunk is longer.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// A file in a tar of at least so many bytes gets chunks of its own.
    #[must_use]
    pub const fn file_threshold(&self) -> u32 {
        self.file_threshold
    }
}

impl Default for Params {
    fn default() -> Self {
        Self { min: 64 << 10, avg: 256 << 10, max: 1 << 20, file_threshold: 16 << 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        let d = Params::default();
        assert_eq!(Params::new(d.min, d.avg, d.max, d.file_threshold), Ok(d));
    }

    #[test]
    fn lengths_that_do_not_rise_are_refused() {
        for (min, avg, max) in [(63, 128, 512), (128, 128, 512), (64, 512, 512), (64, 128, MAX_CHUNK + 1)] {
            assert_eq!(Params::new(min, avg, max, 0), Err(ParamsError::Lengths { min, avg, max }));
        }
        assert_eq!(Params::new(64, 129, 512, 0), Err(ParamsError::Average(129)));
    }
}
