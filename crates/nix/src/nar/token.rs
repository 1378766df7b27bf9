//! One string of a NAR, gathered from pieces.

use super::NarError;

/// Bytes of a length.
const LENGTH: usize = 8;

/// A string under way: its length, its bytes, its padding. Holds as many bytes as the string may have.
#[derive(Debug)]
pub(super) struct Token {
    gathered: Vec<u8>,
    complete: bool,
}

impl Token {
    pub(super) const fn new() -> Self {
        Self { gathered: Vec::new(), complete: false }
    }

    /// Takes what it needs from `input`, of a string that may have at most `most` bytes; true when it is complete. A
    /// complete one begins anew.
    pub(super) fn take(&mut self, input: &mut &[u8], most: usize) -> Result<bool, NarError> {
        if !self.gather(input, LENGTH) {
            return Ok(false);
        }
        let length = self.number();
        let short = usize::try_from(length).ok().filter(|&length| length <= most);
        let length = short.ok_or(NarError::TooLong { length, most })?;
        let filled = length + length.wrapping_neg() % LENGTH;
        if !self.gather(input, LENGTH + filled) {
            return Ok(false);
        }
        self.complete = true;
        let padded = &self.gathered[LENGTH + length..];
        if padded.iter().all(|&byte| byte == 0) { Ok(true) } else { Err(NarError::Padding) }
    }

    /// Takes a bare number from `input`; `None` while bytes of it are missing.
    pub(super) fn take_number(&mut self, input: &mut &[u8]) -> Option<u64> {
        self.complete = self.gather(input, LENGTH);
        self.complete.then(|| self.number())
    }

    /// The bytes of the complete string.
    pub(super) fn text(&self) -> &[u8] {
        let length = usize::try_from(self.number()).unwrap_or(0);
        self.gathered.get(LENGTH..LENGTH + length).unwrap_or_default()
    }

    /// Gathers up to `want` bytes; true when they are there.
    fn gather(&mut self, input: &mut &[u8], want: usize) -> bool {
        if std::mem::take(&mut self.complete) {
            self.gathered.clear();
        }
        let missing = want.saturating_sub(self.gathered.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.gathered.extend_from_slice(taken);
        *input = rest;
        taken.len() == missing
    }

    /// The number in the first bytes.
    fn number(&self) -> u64 {
        self.gathered.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}
