//! What statements give back.

use snowbank_cas::id::{ObjectHash, PackId};

use crate::ids::{
    CacheId, DomainId, EntryId, JobId, NarId, PathId, RecipeId, RepoId, RepresentationId, Timestamp, UploadId,
};

/// A row of either database. `None` means that the column holds something else.
pub(crate) trait Cells {
    /// A number, or null.
    fn int(&self, column: usize) -> Option<Option<i64>>;

    /// Bytes, or null.
    fn bytes(&self, column: usize) -> Option<Option<Vec<u8>>>;
}

/// The columns of a row, read from left to right.
#[derive(Debug)]
pub(crate) struct Columns<'a, R> {
    row: &'a R,
    next: usize,
}

impl<'a, R: Cells> Columns<'a, R> {
    pub(crate) fn new(row: &'a R) -> Self {
        Self { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// The next value. `None` when it is not what this program writes there.
    pub(crate) fn read<T: Read>(&mut self) -> Option<T> {
        T::read(self)
    }
}

/// What can be read from one or more columns.
pub(crate) trait Read: Sized {
    /// What it is called when it is damaged.
    const NOUN: &'static str = "row";

    /// Takes its columns. `None` when they hold what this program never writes.
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self>;
}

impl Read for Option<i64> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let column = columns.step();
        columns.row.int(column)
    }
}

impl Read for i64 {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Option<Self>>()?
    }
}

impl Read for u64 {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<i64>()?.try_into().ok()
    }
}

impl Read for Option<u64> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Option<i64>>()?.map(u64::try_from).transpose().ok()
    }
}

impl Read for u32 {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<i64>()?.try_into().ok()
    }
}

impl Read for bool {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        match columns.read::<i64>()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Read for Vec<u8> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Option<Self>>()?
    }
}

impl Read for String {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Self::from_utf8(columns.read()?).ok()
    }
}

impl Read for Option<Vec<u8>> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let column = columns.step();
        columns.row.bytes(column)
    }
}

impl Read for Option<String> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Option<Vec<u8>>>()?.map(String::from_utf8).transpose().ok()
    }
}

impl Read for ObjectHash {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read::<Vec<u8>>()?.try_into().ok().map(Self::from_bytes)
    }
}

impl Read for PackId {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        columns.read().map(Self)
    }
}

macro_rules! read_numbers {
    ($($name:ident)*) => { $(
        impl Read for $name {
            fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
                columns.read().map(Self)
            }
        }

        impl From<$name> for $crate::sql::Value<'_> {
            fn from(id: $name) -> Self {
                Self::Int(Some(id.0))
            }
        }
    )* };
}
read_numbers!(
    CacheId DomainId EntryId JobId NarId PathId RecipeId RepoId RepresentationId Timestamp UploadId
);

impl Read for Option<EntryId> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(columns.read::<Option<i64>>()?.map(EntryId))
    }
}

impl Read for Option<Timestamp> {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(columns.read::<Option<i64>>()?.map(Timestamp))
    }
}

macro_rules! read_tuples {
    ($($($name:ident)*;)*) => { $(
        impl<$($name: Read),*> Read for ($($name,)*) {
            fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
                Some(($(columns.read::<$name>()?,)*))
            }
        }
    )* };
}
read_tuples! {
    A B;
    A B C;
    A B C D;
}
