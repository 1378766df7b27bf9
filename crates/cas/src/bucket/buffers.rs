//! Buffers that are used again: fresh ones cost a page fault for every 4 KiB.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a buffer.
pub(super) const BUFFER: usize = 512 << 10;
/// How many idle buffers are kept: 8 MiB.
const IDLE: usize = 16;

/// Buffers of [`BUFFER`] bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    idle: Arc<Mutex<Vec<Box<[u8]>>>>,
}

/// A buffer of which the first `filled` bytes are seen; it goes back to the others when dropped.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    pub(super) filled: usize,
    home: Buffers,
}

impl Buffers {
    pub(super) fn get(&self) -> Buffer {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = idle.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        Buffer { bytes, filled: 0, home: self.clone() }
    }
}

impl Buffer {
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again_with_nothing_of_its_past_to_see() {
        let buffers = Buffers::default();
        let mut buffer = buffers.get();
        buffer.space()[..3].copy_from_slice(b"old");
        buffer.filled = 3;
        let address = buffer.as_ref().as_ptr();
        drop(buffer);
        let again = buffers.get();
        assert_eq!(again.as_ref(), b"");
        assert_eq!(again.as_ref().as_ptr(), address);
    }
}
