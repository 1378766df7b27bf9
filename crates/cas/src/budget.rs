//! One bound on every buffer that grows with traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes a unit of the budget stands for; amounts are rounded up to it.
const UNIT: u64 = 4096;

/// Who wants a buffer. Each class has a share of its own, so that none can starve another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Bodies on their way in.
    Upload,
    /// Bodies on their way out.
    Download,
    /// Recoding, reading back and repacking.
    Job,
}

/// A bound, in bytes, on the buffers of the whole process; clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    shares: Arc<[Share; 3]>,
}

#[derive(Debug)]
struct Share {
    units: u32,
    free: Arc<Semaphore>,
    waiting: AtomicU64,
}

impl Share {
    fn new(bytes: u64) -> Self {
        let units = units(bytes).min(Semaphore::MAX_PERMITS.try_into().unwrap_or(u32::MAX));
        Self { units, free: Arc::new(Semaphore::new(units as usize)), waiting: AtomicU64::new(0) }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

impl Budget {
    /// A budget of `bytes` in all: three eighths for uploads, a quarter for downloads, three eighths for jobs.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self::with_shares(bytes / 8 * 3, bytes / 4, bytes / 8 * 3)
    }

    /// A budget with these shares, in bytes.
    #[must_use]
    pub fn with_shares(upload: u64, download: u64, job: u64) -> Self {
        Self { shares: Arc::new([Share::new(upload), Share::new(download), Share::new(job)]) }
    }

    /// Waits until `bytes` of the class's share are free and takes them. Who asked first is served first. A wish
    /// larger than the share gets the whole share, else it would wait for ever.
    pub async fn take(&self, class: Class, bytes: u64) -> Permit {
        let share = self.share(class);
        let units = units(bytes).min(share.units);
        if let Ok(units) = Arc::clone(&share.free).try_acquire_many_owned(units) {
            return Permit { units: Some(units) };
        }
        let _waiting = Waiting::begin(&share.waiting);
        // The semaphore is never closed, so the only error cannot occur.
        Permit { units: Arc::clone(&share.free).acquire_many_owned(units).await.ok() }
    }

    /// Bytes of the class's share.
    #[must_use]
    pub fn size(&self, class: Class) -> u64 {
        u64::from(self.share(class).units) * UNIT
    }

    /// Bytes of the class's share that are taken now.
    #[must_use]
    pub fn taken(&self, class: Class) -> u64 {
        self.size(class) - self.share(class).free.available_permits() as u64 * UNIT
    }

    /// How many wishes wait for the class's share.
    #[must_use]
    pub fn waiting(&self, class: Class) -> u64 {
        self.share(class).waiting.load(Ordering::Relaxed)
    }

    fn share(&self, class: Class) -> &Share {
        &self.shares[match class {
            Class::Upload => 0,
            Class::Download => 1,
            Class::Job => 2,
        }]
    }
}

/// One who waits, until it has waited enough.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes taken from a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    units: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// A permit for nothing: for buffers that another permit covers.
    pub(crate) const fn covered() -> Self {
        Self { units: None }
    }

    /// Bytes it stands for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.units.as_ref().map_or(0, |units| units.num_permits() as u64 * UNIT)
    }

    /// Ties the permit to a buffer: it is given back when the last clone or slice of the buffer is gone.
    pub fn attach(self, buffer: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        Bytes::from_owner(Held { buffer, _permit: self })
    }
}

struct Held<T> {
    buffer: T,
    _permit: Permit,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_full_class_waits_and_does_not_starve_another() {
        let budget = Budget::with_shares(2 * UNIT, UNIT, UNIT);
        let all = budget.take(Class::Upload, 2 * UNIT).await;
        let mut late = Box::pin(budget.take(Class::Upload, 1));
        assert!((&mut late).now_or_never().is_none());
        assert_eq!((budget.waiting(Class::Upload), budget.waiting(Class::Download)), (1, 0));
        drop(late);
        assert_eq!(budget.waiting(Class::Upload), 0);
        assert!(budget.take(Class::Download, 1).now_or_never().is_some());
        drop(all);
        assert!(budget.take(Class::Upload, 1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_wish_beyond_the_share_gets_the_share() {
        let budget = Budget::with_shares(UNIT, UNIT, UNIT);
        let permit = budget.take(Class::Job, 100 * UNIT).await;
        assert_eq!(permit.bytes(), UNIT);
        assert_eq!(budget.taken(Class::Job), UNIT);
    }

    #[tokio::test]
    async fn an_attached_permit_lives_as_long_as_the_last_slice() {
        let budget = Budget::new(8 * UNIT);
        let bytes = budget.take(Class::Download, 1).await.attach(vec![7; 100]);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(budget.taken(Class::Download), UNIT);
        assert_eq!(slice, [7; 10].as_slice());
        drop(slice);
        assert_eq!(budget.taken(Class::Download), 0);
    }
}
