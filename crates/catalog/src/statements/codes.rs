//! Enumerations as numbers.

use crate::rooms::{Ending, Form, JobKind, LayerCompression, LimitKind, Outcome, Protocol, RemovalReason};
use crate::sql::{Cells, Columns, Read};

/// A pack under way; see [`crate::rooms::Packs`].
pub(super) const WRITING: i64 = 0;
/// A pack that look-ups find.
pub(super) const LIVE: i64 = 1;
/// A pack that was found unreachable.
pub(super) const CONDEMNED: i64 = 2;
/// A pack whose lease ran out while it was under way.
pub(super) const ABANDONED: i64 = 3;

pub(super) const fn form(form: Form) -> i64 {
    match form {
        Form::Archive => 0,
        Form::Opaque => 1,
    }
}

impl Read for Form {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::Archive),
            1 => Some(Self::Opaque),
            _ => None,
        }
    }
}

pub(super) const fn job(kind: JobKind) -> i64 {
    match kind {
        JobKind::Recode => 0,
        JobKind::Evict => 1,
        JobKind::Collect => 2,
    }
}

impl Read for JobKind {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::Recode),
            1 => Some(Self::Evict),
            2 => Some(Self::Collect),
            _ => None,
        }
    }
}

pub(super) const fn compression(compression: LayerCompression) -> i64 {
    match compression {
        LayerCompression::None => 0,
        LayerCompression::Gzip => 1,
        LayerCompression::Zstd => 2,
    }
}

impl Read for LayerCompression {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Zstd),
            _ => None,
        }
    }
}

pub(super) const fn limit(kind: LimitKind) -> i64 {
    match kind {
        LimitKind::Size => 0,
        LimitKind::MaxSize => 1,
        LimitKind::Retention => 2,
    }
}

impl Read for LimitKind {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::Size),
            1 => Some(Self::MaxSize),
            2 => Some(Self::Retention),
            _ => None,
        }
    }
}

pub(super) const fn protocol(protocol: Protocol) -> i64 {
    match protocol {
        Protocol::V1 => 0,
        Protocol::V2 => 1,
        Protocol::Blobs => 2,
    }
}

impl Read for Protocol {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::V1),
            1 => Some(Self::V2),
            2 => Some(Self::Blobs),
            _ => None,
        }
    }
}

pub(super) const fn outcome(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Hit => 0,
        Outcome::Partial => 1,
        Outcome::Miss => 2,
    }
}

impl Read for Outcome {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::Hit),
            1 => Some(Self::Partial),
            2 => Some(Self::Miss),
            _ => None,
        }
    }
}

pub(super) const fn removal(reason: RemovalReason) -> i64 {
    match reason {
        RemovalReason::RepositoryLimit => 0,
        RemovalReason::Retention => 1,
        RemovalReason::DiskBound => 2,
        RemovalReason::Deleted => 3,
        RemovalReason::Damaged => 4,
    }
}

/// The reason of this number.
pub(super) const fn removal_of(code: i64) -> Option<RemovalReason> {
    match code {
        0 => Some(RemovalReason::RepositoryLimit),
        1 => Some(RemovalReason::Retention),
        2 => Some(RemovalReason::DiskBound),
        3 => Some(RemovalReason::Deleted),
        4 => Some(RemovalReason::Damaged),
        _ => None,
    }
}

pub(super) const fn ending(how: Ending) -> i64 {
    match how {
        Ending::Expired => 0,
        Ending::Abandoned => 1,
    }
}

impl Read for Ending {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(Self::Expired),
            1 => Some(Self::Abandoned),
            _ => None,
        }
    }
}
