//! Things that are dear to make, used by one thread at a time.

use std::sync::{Mutex, PoisonError};

/// As many things as there are threads that use them at once.
pub(crate) struct Pool<T> {
    idle: Mutex<Vec<T>>,
}

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self { idle: Mutex::new(Vec::new()) }
    }

    /// Does `work` with an idle thing, or with a new one when all are in use.
    pub(crate) fn with<R, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut thing = match idle {
            Some(thing) => thing,
            None => make()?,
        };
        let done = work(&mut thing);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
        done
    }
}
