//! Where the files of a NAR begin and end, found while it streams by: for a chunker that cuts there.

use super::{Event, NarError, parser::Parser};

/// How far the scan went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes that it took from the front of the data; at least one.
    pub len: usize,
    /// Whether the content of a large file begins or ends right behind them.
    pub cut: bool,
}

/// Follows a NAR and says where the contents of files of at least a threshold begin and end.
#[derive(Debug)]
pub struct Layout {
    parser: Parser,
    threshold: u64,
    /// Bytes that the large file under way still lacks.
    left: u64,
}

impl Layout {
    /// A scan from the beginning of a NAR that tells of files of at least `threshold` bytes.
    #[must_use]
    pub const fn new(threshold: u64) -> Self {
        Self { parser: Parser::new(), threshold, left: 0 }
    }

    /// Goes on over `data`, which must not be empty, to the next place of interest or to its end.
    ///
    /// # Errors
    /// When it is no NAR; the scan is then of no more use.
    pub fn advance(&mut self, data: &[u8]) -> Result<Step, NarError> {
        let mut rest = data;
        while let Some(event) = self.parser.next_event(&mut rest)? {
            let cut = match event {
                Event::File { size, .. } if size > 0 && size >= self.threshold => {
                    self.left = size;
                    true
                }
                Event::Contents(bytes) if self.left > 0 => {
                    self.left -= bytes.len() as u64;
                    self.left == 0
                }
                _ => false,
            };
            if cut {
                return Ok(Step { len: data.len() - rest.len(), cut });
            }
        }
        Ok(Step { len: data.len(), cut: false })
    }

    /// Says whether the NAR may end here.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn finish(self) -> Result<(), NarError> {
        self.parser.finish()
    }
}
