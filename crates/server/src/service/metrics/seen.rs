//! What is looked up when metrics are read: as it was when they were last looked up.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, EncodeMetric, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use snowbank_catalog::rooms::{Inventory, Queue};

use super::labels::{
    BufferClass, BufferLabels, JobName, JobState, KindLabels, PackLabels, PackState, QueueLabels,
};

/// Work that waits.
#[derive(Clone, Debug)]
pub(in crate::service) struct Work {
    /// Uploads under way.
    pub uploads: u64,
    /// Of each kind of job: how many, and for how long the oldest one waits, in seconds.
    pub jobs: Vec<(JobName, Queue, f64)>,
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Kept {
    /// The catalog's count.
    pub inventory: Inventory,
    /// Bytes of uploads that wait to be recoded.
    pub raw_bytes: u64,
    /// Bytes of all packs.
    pub pack_bytes: u64,
}

/// One class of buffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    pub class: BufferClass,
    pub taken: u64,
    pub size: u64,
    pub waiting: u64,
}

/// All that was looked up; what could not be known is not told.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub work: Option<Work>,
    pub kept: Option<Kept>,
    pub faults: u64,
    pub buffers: Vec<Buffer>,
    pub disk_limit: Option<u64>,
    pub disk_free: Option<u64>,
    pub connection_limit: u64,
    pub resident_bytes: Option<u64>,
    pub open_files: Option<u64>,
    pub started: f64,
}

/// Where the last look is written down for the registry.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Seen>);

impl Board {
    pub(super) fn show(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl Collector for Board {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let to = &mut encoder;
        gauge(to, "snowbank_catalog_up", "Whether the database answered", u64::from(seen.work.is_some()))?;
        faults(to, seen.faults)?;
        if let Some(work) = &seen.work {
            write_work(to, work)?;
        }
        if let Some(kept) = &seen.kept {
            write_kept(to, kept)?;
        }
        write_buffers(to, &seen.buffers)?;
        write_disk(to, &seen)?;
        gauge(
            to,
            "snowbank_connections_limit",
            "Connections served at once at the most",
            seen.connection_limit,
        )?;
        gauge(to, "process_start_time_seconds", "When the process started, since 1970", seen.started)?;
        if let Some(bytes) = seen.resident_bytes {
            gauge(to, "process_resident_memory_bytes", "Memory that is resident", bytes)?;
        }
        if let Some(files) = seen.open_files {
            gauge(to, "process_open_fds", "Open files and connections", files)?;
        }
        Ok(())
    }
}

fn write_work(to: &mut DescriptorEncoder<'_>, work: &Work) -> Result<(), fmt::Error> {
    gauge(to, "snowbank_uploads", "Uploads under way", work.uploads)?;
    let states = work.jobs.iter().flat_map(|(kind, queue, _)| {
        [
            (JobState::Ready, queue.ready),
            (JobState::Running, queue.running),
            (JobState::Waiting, queue.waiting),
        ]
        .map(|(state, count)| (QueueLabels { kind: *kind, state }, count))
    });
    gauges(to, "snowbank_jobs", "Jobs by where they stand", states)?;
    let ages = work.jobs.iter().map(|(kind, _, age)| (KindLabels { kind: *kind }, *age));
    gauges(to, "snowbank_job_oldest_age_seconds", "For how long the oldest ready job has been due", ages)
}

fn write_kept(to: &mut DescriptorEncoder<'_>, kept: &Kept) -> Result<(), fmt::Error> {
    let has = &kept.inventory;
    gauge(to, "snowbank_entries", "Visible entries", has.entries)?;
    gauge(to, "snowbank_entries_bytes", "Bytes of visible entries, as uploaded", has.entry_bytes)?;
    gauge(to, "snowbank_paths", "Store paths in binary caches", has.paths)?;
    gauge(to, "snowbank_chunks", "Rows of the chunk index", has.chunks)?;
    let states = [
        (PackState::Live, has.live_packs, has.live_pack_bytes),
        (PackState::Condemned, has.condemned_packs, has.condemned_pack_bytes),
    ];
    let packs = states.map(|(state, count, _)| (PackLabels { state }, count));
    gauges(to, "snowbank_packs", "Packs", packs)?;
    let bytes = states.map(|(state, _, bytes)| (PackLabels { state }, bytes));
    gauges(to, "snowbank_packs_bytes", "Bytes of packs", bytes)?;
    gauge(to, "snowbank_uploads_stored_bytes", "Bytes of uploads that wait to be recoded", kept.raw_bytes)?;
    let used = kept.raw_bytes.saturating_add(kept.pack_bytes);
    gauge(to, "snowbank_disk_used_bytes", "Bytes of all stored objects", used)
}

fn write_buffers(to: &mut DescriptorEncoder<'_>, buffers: &[Buffer]) -> Result<(), fmt::Error> {
    let each = |value: fn(&Buffer) -> u64| {
        buffers.iter().map(move |buffer| (BufferLabels { class: buffer.class }, value(buffer)))
    };
    gauges(to, "snowbank_buffers_bytes", "Bytes of buffers in use", each(|buffer| buffer.taken))?;
    gauges(to, "snowbank_buffers_limit_bytes", "Bytes of buffers at the most", each(|buffer| buffer.size))?;
    gauges(to, "snowbank_buffers_waiting", "Wishes for buffers that wait", each(|buffer| buffer.waiting))
}

fn write_disk(to: &mut DescriptorEncoder<'_>, seen: &Seen) -> Result<(), fmt::Error> {
    if let Some(limit) = seen.disk_limit {
        gauge(to, "snowbank_disk_limit_bytes", "Bytes that stored objects may take (max_disk)", limit)?;
    }
    match seen.disk_free {
        Some(free) => gauge(to, "snowbank_disk_free_bytes", "Bytes free on the disk of the spool", free),
        None => Ok(()),
    }
}

fn faults(to: &mut DescriptorEncoder<'_>, count: u64) -> Result<(), fmt::Error> {
    let name = "snowbank_database_errors";
    let metric = to.encode_descriptor(
        name,
        "Statements that failed, and connections that were not to be had",
        None,
        MetricType::Counter,
    )?;
    ConstCounter::new(count).encode(metric)
}

fn gauge<N>(to: &mut DescriptorEncoder<'_>, name: &str, about: &str, value: N) -> Result<(), fmt::Error>
where
    ConstGauge<N>: EncodeMetric,
{
    ConstGauge::new(value).encode(to.encode_descriptor(name, about, None, MetricType::Gauge)?)
}

fn gauges<L: EncodeLabelSet, N: EncodeGaugeValue>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    about: &str,
    values: impl IntoIterator<Item = (L, N)>,
) -> Result<(), fmt::Error> {
    let mut metric: MetricEncoder<'_> = to.encode_descriptor(name, about, None, MetricType::Gauge)?;
    for (labels, value) in values {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}
