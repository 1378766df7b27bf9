//! Reading `nix.conf` files, and those that they include.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{BadLine, Line, MAX_DEPTH, MAX_FILE, MAX_FILES, NixConf, Sources, lines};

/// Why the settings of Nix cannot be read. Nix refuses the same files.
#[derive(Debug, thiserror::Error)]
pub enum NixConfError {
    /// A line that says nothing.
    #[error("line {number} of {file} cannot be understood")]
    Line {
        /// The file, or `NIX_CONFIG`.
        file: PathBuf,
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: BadLine,
    },
    /// A file that must be there and is not.
    #[error("{file} includes {missing}, which does not exist")]
    Missing {
        /// The file, or `NIX_CONFIG`.
        file: PathBuf,
        /// The file that is not there.
        missing: PathBuf,
    },
    /// More than [`MAX_FILE`] bytes.
    #[error("{0} is larger than {MAX_FILE} bytes")]
    TooLarge(PathBuf),
    /// More than [`MAX_FILES`] files, or [`MAX_DEPTH`] within each other.
    #[error("{0} is one file too many: they include each other, or are more than {MAX_FILES}")]
    TooMany(PathBuf),
}

impl NixConf {
    /// Reads all of `sources`. As for Nix, files that are not there or cannot be read say nothing.
    ///
    /// # Errors
    /// When a file is not what Nix accepts, or there is more of it than the bounds of this module.
    pub fn read(sources: &Sources) -> Result<Self, NixConfError> {
        let mut reading = Reading { conf: Self::initial(sources), files: 0 };
        reading.file(&sources.conf_dir.join("nix.conf"), 0)?;
        for file in &sources.user_files {
            reading.file(file, 0)?;
        }
        if let Some(text) = &sources.text {
            reading.text(text, Path::new("NIX_CONFIG"), 0)?;
        }
        Ok(reading.conf)
    }
}

struct Reading {
    conf: NixConf,
    files: usize,
}

impl Reading {
    fn file(&mut self, file: &Path, depth: usize) -> Result<(), NixConfError> {
        self.files += 1;
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return Err(NixConfError::TooMany(file.to_owned()));
        }
        let Ok(bytes) = read(file) else { return Ok(()) };
        if bytes.len() as u64 > MAX_FILE {
            return Err(NixConfError::TooLarge(file.to_owned()));
        }
        self.text(&String::from_utf8_lossy(&bytes), file, depth)
    }

    fn text(&mut self, text: &str, file: &Path, depth: usize) -> Result<(), NixConfError> {
        for (number, line) in lines(text) {
            let line = line.map_err(|source| NixConfError::Line { file: file.to_owned(), number, source })?;
            match line {
                Line::Setting { name, words } => self.conf.set(name, &words),
                Line::Include { file: other, optional } => {
                    let other = file.parent().unwrap_or(file).join(other);
                    if fs::exists(&other).unwrap_or(false) {
                        self.file(&other, depth + 1)?;
                    } else if !optional {
                        return Err(NixConfError::Missing { file: file.to_owned(), missing: other });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads a file, and a byte more than its bound if it is too large.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(file)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let sources = Sources { conf_dir: folder.path().to_owned(), ..Sources::default() };
        (folder, sources)
    }

    #[test]
    fn what_a_line_says_wrongly_is_told_with_its_place() {
        let (_folder, sources) =
            sources(&[("nix.conf", "include b\n"), ("b", "\nsubstituters = a\nwrong\n")]);
        let error = NixConf::read(&sources).unwrap_err();
        assert!(error.to_string().starts_with("line 3 of ") && error.to_string().contains("/b "), "{error}");
    }

    #[test]
    fn certificates_may_be_set() {
        let (_folder, mut sources) = sources(&[("nix.conf", "ssl-cert-file = /x/certs.pem\n")]);
        assert_eq!(NixConf::read(&sources).unwrap().ssl_cert_file, Some("/x/certs.pem".into()));
        sources.text = Some("ssl-cert-file =".to_owned());
        assert_eq!(NixConf::read(&sources).unwrap().ssl_cert_file, None);
    }

    #[test]
    fn only_what_must_be_there_must_be_there() {
        let (_folder, mut sources) = sources(&[("nix.conf", "!include none\n")]);
        NixConf::read(&sources).unwrap();
        sources.text = Some("include /nonexistent/none".to_owned());
        let error = NixConf::read(&sources).unwrap_err();
        assert!(matches!(error, NixConfError::Missing { .. }), "{error:?}");
    }

    #[test]
    fn files_that_include_each_other_are_too_many() {
        let (_folder, circle) = sources(&[("nix.conf", "include a\n"), ("a", "include nix.conf\n")]);
        assert!(matches!(NixConf::read(&circle), Err(NixConfError::TooMany(_))));
        let (_folder, wide) = sources(&[("nix.conf", &"include a\n".repeat(MAX_FILES)), ("a", "")]);
        assert!(matches!(NixConf::read(&wide), Err(NixConfError::TooMany(_))));
    }

    #[test]
    fn a_file_is_read_to_its_bound() {
        let (_folder, large) = sources(&[("nix.conf", &"#".repeat(MAX_FILE as usize + 1))]);
        assert!(matches!(NixConf::read(&large), Err(NixConfError::TooLarge(_))));
    }
}
