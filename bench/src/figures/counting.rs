//! What counting for the metrics takes of a lookup.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use snowbank_server::service::{Call, Metrics, Outcome, Protocol};

/// Lookups that each thread counts.
const TIMES: u32 = 1_000_000;

/// Microseconds of the processor for all that is counted of one lookup, with every core at it.
pub(super) fn microseconds() -> f64 {
    let metrics = Metrics::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..TIMES).for_each(|_| count(black_box(&metrics))));
        }
    });
    start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn count(metrics: &Metrics) {
    metrics.lookup("bench/store", Protocol::V2, Outcome::Hit);
    metrics.answered(Protocol::V2, Call::Lookup, 200, Duration::from_micros(300));
    metrics.carried(Protocol::V2, 150, 400);
}
