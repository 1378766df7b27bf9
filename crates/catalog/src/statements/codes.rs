//! Enumerations as numbers.

use crate::rooms::{Form, JobKind, LayerCompression, LimitKind};
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
