//! What is counted while the service works, and what is looked up when somebody wants to see it.

mod cached;
mod labels;
mod names;
mod process;
mod scrape;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use snowbank_catalog::rooms::JobKind;

use labels::{
    BuildLabels, JobLabels, JobName, LookupLabels, PlaceLabels, ProtocolLabels, ReasonLabels, RequestLabels,
    ReservationLabels, RouteLabels,
};
use names::Names;
use seen::Board;

pub(super) use cached::Cached;
pub use labels::{Call, JobEnd, Outcome, Place, Protocol, Reason, Reservation, StatusClass};
pub(super) use process::free_bytes;
pub(super) use scrape::Figures;

/// Upper bounds in seconds: a lookup takes milliseconds, an upload of a block may take a minute.
const LATENCY: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The form in which metrics are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own text format, 0.0.4.
    Prometheus,
}

/// The counters of one service: no two services of a process share any.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    board: Arc<Board>,
    names: Names,
    lookups: Family<LookupLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    received: Family<ProtocolLabels, Counter>,
    sent: Family<ProtocolLabels, Counter>,
    stored: Counter,
    deduplicated: Counter,
    evicted: Family<ReasonLabels, Counter>,
    evicted_bytes: Family<ReasonLabels, Counter>,
    reservations: Family<ReservationLabels, Counter>,
    damaged: Family<PlaceLabels, Counter>,
    jobs: Family<JobLabels, Counter>,
    connections: Gauge,
    accepted: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let board = Arc::new(Board::default());
        let durations = Family::<RouteLabels, Histogram, fn() -> Histogram>::new_with_constructor(latency);
        registry.register(
            "snowbank_http_request_duration_seconds",
            "Time from a request's head to the beginning of its answer",
            durations.clone(),
        );
        let build = Info::new(BuildLabels { version: env!("CARGO_PKG_VERSION") });
        registry.register("snowbank_build", "The program that runs", build);
        registry.register_collector(Box::new(Arc::clone(&board)));
        let on = &mut registry;
        Self {
            lookups: add(
                on,
                "snowbank_lookups",
                "Lookups of restores and of store paths, by what they found",
            ),
            requests: add(on, "snowbank_http_requests", "Requests answered"),
            received: add(on, "snowbank_http_received_bytes", "Bytes of requests' bodies"),
            sent: add(on, "snowbank_http_sent_bytes", "Bytes of answers' bodies"),
            stored: add(on, "snowbank_stored_bytes", "Bytes of frames that came and were new"),
            deduplicated: add(
                on,
                "snowbank_deduplicated_bytes",
                "Bytes of frames that came and were there already",
            ),
            evicted: add(on, "snowbank_evicted", "Entries and paths evicted"),
            evicted_bytes: add(
                on,
                "snowbank_evicted_bytes",
                "Bytes of evicted entries as uploaded; those of paths are not counted",
            ),
            reservations: add(on, "snowbank_reservations", "Slots asked for by saves"),
            damaged: add(
                on,
                "snowbank_damaged",
                "Times that stored content was missing or not as it was stored",
            ),
            jobs: add(on, "snowbank_jobs_finished", "Jobs that this process ended"),
            connections: add(on, "snowbank_connections", "Connections served now"),
            accepted: add(on, "snowbank_connections_accepted", "Connections accepted"),
            names: Names::default(),
            registry,
            board,
            durations,
        }
    }
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, about: &str) -> M {
    let metric = M::default();
    registry.register(name, about, metric.clone());
    metric
}

fn latency() -> Histogram {
    Histogram::new(LATENCY)
}

impl Metrics {
    /// A lookup; `name` is the repository's, or the binary cache's.
    pub fn lookup(&self, name: &str, protocol: Protocol, outcome: Outcome) {
        self.lookups(name, protocol, outcome, 1);
    }

    /// So many of them with the same outcome.
    pub fn lookups(&self, name: &str, protocol: Protocol, outcome: Outcome, number: u64) {
        let repository = self.names.label(name);
        self.lookups.get_or_create(&LookupLabels { repository, protocol, outcome }).inc_by(number);
    }

    /// An answer has begun, so long after its request's head.
    pub fn answered(&self, protocol: Protocol, call: Call, status: u16, after: Duration) {
        let status = StatusClass::of(status);
        self.requests.get_or_create(&RequestLabels { protocol, call, status }).inc();
        self.durations.get_or_create(&RouteLabels { protocol, call }).observe(after.as_secs_f64());
    }

    /// Bytes of a request's body, and of its answer's.
    pub fn carried(&self, protocol: Protocol, received: u64, sent: u64) {
        self.received.get_or_create(&ProtocolLabels { protocol }).inc_by(received);
        self.sent.get_or_create(&ProtocolLabels { protocol }).inc_by(sent);
    }

    /// Content was cut: bytes of all its frames, and of those that were new.
    pub fn cut(&self, bytes: u64, new: u64) {
        self.stored.inc_by(new);
        self.deduplicated.inc_by(bytes.saturating_sub(new));
    }

    /// Entries or paths went.
    pub fn evicted(&self, reason: Reason, count: u64, bytes: u64) {
        self.evicted.get_or_create(&ReasonLabels { reason }).inc_by(count);
        self.evicted_bytes.get_or_create(&ReasonLabels { reason }).inc_by(bytes);
    }

    /// A slot was asked for.
    pub fn reservation(&self, outcome: Reservation) {
        self.reservations.get_or_create(&ReservationLabels { outcome }).inc();
    }

    /// Something stored was missing or not as it was stored.
    pub fn damaged(&self, place: Place) {
        self.damaged.get_or_create(&PlaceLabels { place }).inc();
    }

    /// A job ended.
    pub fn job(&self, kind: JobKind, outcome: JobEnd) {
        self.jobs.get_or_create(&JobLabels { kind: job_name(kind), outcome }).inc();
    }

    /// A connection was accepted; it counts as open until the answer is dropped.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.accepted.inc();
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// Everything as text.
    fn text(&self, form: Exposition) -> String {
        let mut written = String::new();
        // Writing to a string does not fail.
        let _ = match form {
            Exposition::OpenMetrics => text::encode(&mut written, &self.registry),
            Exposition::Prometheus => prometheus_text::encode(&mut written, &self.registry),
        };
        written
    }
}

fn job_name(kind: JobKind) -> JobName {
    match kind {
        JobKind::Recode => JobName::Recode,
        JobKind::Evict => JobName::Evict,
        JobKind::Collect => JobName::Collect,
    }
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_services_share_no_counter() {
        let (one, other) = (Metrics::default(), Metrics::default());
        one.lookup("acme/app", Protocol::V2, Outcome::Hit);
        let line = "snowbank_lookups_total{repository=\"acme/app\",protocol=\"v2\",outcome=\"hit\"} 1\n";
        assert!(one.text(Exposition::OpenMetrics).contains(line), "{}", one.text(Exposition::OpenMetrics));
        assert!(!other.text(Exposition::OpenMetrics).contains("acme"));
    }

    #[test]
    fn both_forms_are_written() {
        let metrics = Metrics::default();
        metrics.evicted(Reason::Idle, 2, 30);
        let classic = metrics.text(Exposition::Prometheus);
        assert!(classic.contains("# TYPE snowbank_evicted_total counter\n"), "{classic}");
        assert!(!classic.contains("# EOF"));
        assert!(metrics.text(Exposition::OpenMetrics).ends_with("# EOF\n"));
    }

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let metrics = Metrics::default();
        let open = metrics.connection();
        assert_eq!(metrics.connections.get(), 1);
        drop(open);
        assert_eq!((metrics.connections.get(), metrics.accepted.get()), (0, 1));
    }
}
