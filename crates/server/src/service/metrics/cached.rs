//! Answers that are asked for at most so often, however many want them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The last answer to a question that costs something.
#[derive(Debug)]
pub(in crate::service) struct Cached<T> {
    /// An answer is good for so long, ...
    least: Duration,
    /// ... and for so many times as long as it took.
    factor: u32,
    /// How long is waited for a new one; then the last one has to do, and the question goes on.
    patience: Duration,
    last: Mutex<Option<T>>,
    /// Held by who asks; when it may be asked again.
    turn: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

impl<T: Clone + Send + 'static> Cached<T> {
    pub(in crate::service) fn new(least: Duration, factor: u32, patience: Duration) -> Arc<Self> {
        Arc::new(Self { least, factor, patience, last: Mutex::new(None), turn: Arc::default() })
    }

    /// The answer: a new one if it is time for that. `None` when there was no answer at the last try.
    pub(in crate::service) async fn get<F>(self: &Arc<Self>, question: F) -> Option<T>
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        // Whoever asks already asks for all.
        if let Ok(mut next) = Arc::clone(&self.turn).try_lock_owned()
            && next.is_none_or(|next| Instant::now() >= next)
        {
            let this = Arc::clone(self);
            let asked = tokio::spawn(async move {
                let begun = Instant::now();
                let answer = question.await;
                *this.last.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                *next = Some(Instant::now() + this.least.max(begun.elapsed() * this.factor));
            });
            // Nobody who gives up ends it.
            let _ = tokio::time::timeout(self.patience, asked).await;
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn many_who_ask_cost_one_answer() {
        let cached = Cached::new(HOUR, 1, HOUR);
        let asked = Arc::new(AtomicU32::new(0));
        for _ in 0..5 {
            let asked = Arc::clone(&asked);
            let answer = cached.get(async move { Some(asked.fetch_add(1, Ordering::SeqCst)) }).await;
            assert_eq!(answer, Some(0));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_has_no_patience_gets_the_last_answer() {
        let cached = Cached::new(Duration::ZERO, 0, Duration::from_millis(1));
        let (tell, told) = tokio::sync::oneshot::channel::<u32>();
        assert_eq!(cached.get(async move { told.await.ok() }).await, None);
        // It is being asked: nobody asks again.
        assert_eq!(cached.get(async { Some(1) }).await, None);
        tell.send(7).unwrap();
        let _turn = cached.turn.lock().await;
        assert_eq!(cached.get(async { Some(1) }).await, Some(7));
    }

    #[tokio::test]
    async fn no_answer_is_told() {
        let cached = Cached::new(Duration::ZERO, 0, HOUR);
        assert_eq!(cached.get(async { Some(1) }).await, Some(1));
        assert_eq!(cached.get(async { None }).await, None);
    }
}
