//! The labels of metrics: every value is a word of a closed list, or a bounded name.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

macro_rules! words {
    ($($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$note:meta])* $value:ident $word:literal)* })*) => { $(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$note])* $value,)* }

        impl $name {
            /// As labels and logs have it.
            #[must_use]
            $vis fn word(self) -> &'static str {
                match self { $(Self::$value => $word,)* }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                self.word().encode(encoder)
            }
        }
    )* };
}

words! {
    /// How somebody talks to the server.
    pub enum Protocol {
        /// GitHub's cache service of 2025 and later.
        V2 "v2"
        /// The one before it.
        V1 "v1"
        /// Signed URLs: the content of both.
        Blobs "blobs"
        /// Nix's binary cache protocol.
        Nix "nix"
        /// Ours.
        Api "api"
        /// GitHub's REST API.
        Rest "rest"
        /// Health, metrics, and whatever else there is.
        Server "server"
    }
    /// What is asked for.
    pub enum Call {
        /// What a restore gets.
        Lookup "lookup"
        /// A slot for an upload.
        Reserve "reserve"
        /// The end of an upload.
        Finalize "finalize"
        /// What there is.
        List "list"
        /// Bytes in.
        Upload "upload"
        /// Bytes out.
        Download "download"
        /// What a store path is.
        Info "info"
        /// A store path's content.
        Nar "nar"
        /// Another file of a binary cache.
        File "file"
        /// Paths in.
        Push "push"
        /// Paths out.
        Pull "pull"
        /// Taking something away.
        Delete "delete"
        /// Administration.
        Manage "manage"
        /// Whether the server is well.
        Health "health"
        /// Metrics themselves.
        Metrics "metrics"
        /// Anything else.
        Other "other"
    }
    /// What a lookup found.
    pub enum Outcome {
        /// What was asked for.
        Hit "hit"
        /// Something under a restore key, or whose key only begins as asked.
        Partial "partial"
        /// Nothing.
        Miss "miss"
    }
    /// The status of an answer by its first digit.
    pub enum StatusClass {
        /// 100 to 199.
        Informational "1xx"
        /// 200 to 299.
        Success "2xx"
        /// 300 to 399.
        Redirection "3xx"
        /// 400 to 499.
        ClientError "4xx"
        /// 500 and more.
        ServerError "5xx"
    }
    /// Why something was evicted.
    pub enum Reason {
        /// Nobody had used the entry for the retention time.
        Idle "idle"
        /// The repository was over its size.
        OverSize "over_size"
        /// The disk was over its bound.
        Space "space"
        /// Nobody had used the path for its cache's retention.
        PathUnused "path_unused"
        /// The binary cache was over its size.
        PathOverSize "path_over_size"
    }
    /// How a reservation ended.
    pub enum Reservation {
        /// The slot is the caller's.
        Granted "granted"
        /// There is an entry already.
        Exists "exists"
        /// Another upload holds the slot.
        Busy "busy"
    }
    /// Where damage showed.
    pub enum Place {
        /// Before a URL was handed out.
        Lookup "lookup"
        /// While bytes were sent.
        Download "download"
        /// While an upload was recoded.
        Recode "recode"
    }
    /// The kind of a job.
    pub(in crate::service) enum JobName {
        /// Recoding an upload.
        Recode "recode"
        /// Enforcing limits.
        Evict "evict"
        /// Collecting what is unreachable.
        Collect "collect"
    }
    /// How a job ended.
    pub enum JobEnd {
        /// It is done.
        Done "done"
        /// It failed, and is tried again unless it failed too often.
        Failed "failed"
    }
    /// Where a job stands.
    pub(in crate::service) enum JobState {
        /// It could be claimed now.
        Ready "ready"
        /// Somebody has it.
        Running "running"
        /// It waits for its time.
        Waiting "waiting"
    }
    /// Where a pack stands.
    pub(in crate::service) enum PackState {
        /// Found by look-ups.
        Live "live"
        /// On its way out.
        Condemned "condemned"
    }
    /// Who wants a buffer.
    pub(in crate::service) enum BufferClass {
        /// Bodies in.
        Upload "upload"
        /// Bodies out.
        Download "download"
        /// Recoding and packing anew.
        Job "job"
    }
}

impl StatusClass {
    /// The class of a status.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            0..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

macro_rules! label_sets {
    ($($name:ident { $($label:ident: $value:ty),* })*) => { $(
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $name { $(pub(super) $label: $value),* }
    )* };
}

label_sets! {
    LookupLabels { repository: String, protocol: Protocol, outcome: Outcome }
    RequestLabels { protocol: Protocol, call: Call, status: StatusClass }
    RouteLabels { protocol: Protocol, call: Call }
    ProtocolLabels { protocol: Protocol }
    ReasonLabels { reason: Reason }
    ReservationLabels { outcome: Reservation }
    PlaceLabels { place: Place }
    JobLabels { kind: JobName, outcome: JobEnd }
    QueueLabels { kind: JobName, state: JobState }
    KindLabels { kind: JobName }
    PackLabels { state: PackState }
    BufferLabels { class: BufferClass }
    BuildLabels { version: &'static str }
}
