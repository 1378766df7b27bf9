//! Files of caches that are folders.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read as _},
    path::Path,
};

/// Opens a file; `None` when it is not there.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    // Opening a pipe would wait for its writer.
    let opened = fs::metadata(path).and_then(|metadata| {
        if metadata.is_file() { File::open(path) } else { Err(io::Error::other("it is not a file")) }
    });
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file of at most `most` bytes; `None` when it is not there.
pub(super) fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    BufReader::new(file).take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(Some(bytes))
}
