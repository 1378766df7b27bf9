//! Reading a `.narinfo`.

use std::collections::BTreeSet;

use super::{
    Compression, LineProblem, MAX_REFERENCES, MAX_SIGNATURES, MAX_TEXT, MAX_URL, NarInfo, NarInfoError,
};
use crate::{
    content_address::ContentAddress,
    hash::{Digest, NarHash},
    path_info::PathInfo,
    signature::Signature,
    store_path::{StoreDir, StorePath},
};

/// What was read so far.
#[derive(Default)]
struct Fields {
    path: Option<StorePath>,
    url: String,
    compression: Option<Compression>,
    file_hash: Option<Digest>,
    file_size: Option<u64>,
    nar_hash: Option<NarHash>,
    nar_size: u64,
    references: BTreeSet<StorePath>,
    deriver: Option<StorePath>,
    signatures: BTreeSet<Signature>,
    ca: Option<ContentAddress>,
}

impl NarInfo {
    /// Reads what a binary cache for the store at `dir` says, as tolerantly as Nix does: unknown names are passed
    /// over, hashes may have any encoding, no compression means bzip2, of most fields the last one counts.
    ///
    /// # Errors
    /// When it is no `.narinfo`, tells of a path elsewhere, or is larger than the bounds of this module.
    pub fn parse(text: &str, dir: &StoreDir) -> Result<Self, NarInfoError> {
        if text.len() > MAX_TEXT {
            return Err(NarInfoError::TooLong(text.len()));
        }
        let mut fields = Fields::default();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            fields.line(line, dir).map_err(|problem| NarInfoError::Line { number: at + 1, problem })?;
        }
        fields.finish()
    }
}

impl Fields {
    fn line(&mut self, line: &str, dir: &StoreDir) -> Result<(), LineProblem> {
        let (name, value) = line.split_once(':').ok_or(LineProblem::Form)?;
        let value =
            value.strip_suffix('\n').and_then(|value| value.strip_prefix(' ')).ok_or(LineProblem::Form)?;
        match name {
            "StorePath" => self.path = Some(dir.parse(value)?),
            "URL" => self.url = url(value)?,
            "Compression" => {
                self.compression = Some(Compression::named(value).ok_or(LineProblem::Compression)?);
            }
            "FileHash" => self.file_hash = Some(Digest::parse(value)?),
            "FileSize" => self.file_size = Some(value.parse()?).filter(|&size| size > 0),
            "NarHash" => self.nar_hash = Some(NarHash::parse(value)?),
            "NarSize" => self.nar_size = value.parse()?,
            "References" => self.references(value)?,
            "Deriver" if value == "unknown-deriver" => self.deriver = None,
            // Some caches write the line with nothing in it.
            "Deriver" if value.is_empty() => {}
            "Deriver" => self.deriver = Some(value.parse()?),
            "Sig" => {
                if self.signatures.len() == MAX_SIGNATURES {
                    return Err(LineProblem::Signatures);
                }
                self.signatures.insert(value.parse()?);
            }
            "CA" if self.ca.is_some() => return Err(LineProblem::Twice("CA")),
            "CA" if value.is_empty() => {}
            "CA" => self.ca = Some(value.parse()?),
            _ => {}
        }
        Ok(())
    }

    fn references(&mut self, value: &str) -> Result<(), LineProblem> {
        if !self.references.is_empty() {
            return Err(LineProblem::Twice("References"));
        }
        for word in value.split(' ').filter(|word| !word.is_empty()) {
            if self.references.len() == MAX_REFERENCES {
                return Err(LineProblem::References);
            }
            self.references.insert(word.parse()?);
        }
        Ok(())
    }

    fn finish(self) -> Result<NarInfo, NarInfoError> {
        let missing = NarInfoError::Missing;
        let path = self.path.ok_or(missing("StorePath"))?;
        let nar_hash = self.nar_hash.ok_or(missing("NarHash"))?;
        if self.url.is_empty() {
            return Err(missing("URL"));
        }
        if self.nar_size == 0 {
            return Err(missing("NarSize"));
        }
        Ok(NarInfo {
            info: PathInfo {
                path,
                nar_hash,
                nar_size: self.nar_size,
                references: self.references,
                deriver: self.deriver,
                signatures: self.signatures,
                ca: self.ca,
            },
            url: self.url,
            compression: self.compression.unwrap_or(Compression::Bzip2),
            file_hash: self.file_hash,
            file_size: self.file_size,
        })
    }
}

fn url(value: &str) -> Result<String, LineProblem> {
    let good = value.len() <= MAX_URL && !value.contains(char::is_control);
    if good { Ok(value.to_owned()) } else { Err(LineProblem::Url) }
}
