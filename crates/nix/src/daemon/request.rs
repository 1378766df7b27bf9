//! The bytes of a request.

use crate::store_path::{StoreDir, StorePath};

/// The operations that are used, by their numbers in Nix's `worker-protocol.hh`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    IsValidPath = 1,
    AddTempRoot = 11,
    AddIndirectRoot = 12,
    QueryAllValidPaths = 23,
    QueryPathInfo = 26,
    QueryValidPaths = 31,
    NarFromPath = 38,
    AddToStoreNar = 39,
    RegisterDrvOutput = 42,
    QueryRealisation = 43,
    AddMultipleToStore = 44,
    AddPermRoot = 47,
}

/// A request, or another row of numbers and strings.
#[derive(Debug, Default)]
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn of(operation: Operation) -> Self {
        Self::default().number(operation as u64)
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    pub(super) fn truth(self, truth: bool) -> Self {
        self.number(u64::from(truth))
    }

    pub(super) fn string(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut request = self.number(bytes.len() as u64);
        request.0.extend(bytes);
        request.0.resize(request.0.len().next_multiple_of(8), 0);
        request
    }

    pub(super) fn strings<T: AsRef<[u8]>>(self, strings: impl ExactSizeIterator<Item = T>) -> Self {
        let counted = self.number(strings.len() as u64);
        strings.fold(counted, Self::string)
    }

    pub(super) fn path(self, dir: &StoreDir, path: &StorePath) -> Self {
        self.string(dir.display(path))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_filled_up_to_a_multiple_of_eight() {
        let request = Request::of(Operation::IsValidPath).string("").string("12345678").strings(["a"].iter());
        let number = |number: u8| [number, 0, 0, 0, 0, 0, 0, 0];
        let parts =
            [number(1), number(0), number(8), *b"12345678", number(1), number(1), *b"a\0\0\0\0\0\0\0"];
        assert_eq!(request.bytes(), parts.concat());
    }
}
