//! Large vectors that are used again: fresh ones cost a page fault for every 4 KiB.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// The vectors of one pipeline, as many as it has in use at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares {
    idle: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A vector that goes back to its pipeline when dropped.
#[derive(Debug)]
pub(crate) struct Spare {
    bytes: Vec<u8>,
    home: Spares,
}

impl Spares {
    /// A vector with whatever was last in it.
    pub(crate) fn get(&self) -> Spare {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Spare { bytes: idle.unwrap_or_default(), home: self.clone() }
    }
}

impl Deref for Spare {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Spare {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Spare {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_vector_is_used_again() {
        let spares = Spares::default();
        let mut spare = spares.get();
        spare.extend_from_slice(b"bytes");
        let address = spare.as_ptr();
        drop(spare);
        assert_eq!(spares.get().as_ptr(), address);
        assert!(spares.get().capacity() >= 5);
        let (_held, another) = (spares.get(), spares.get());
        assert_eq!(another.capacity(), 0);
    }
}
