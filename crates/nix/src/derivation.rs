//! Derivations, as far as a store's database wants to know of them: which outputs they have.

use std::collections::BTreeMap;

use crate::store_path::{StoreDir, StorePath, StorePathError};

/// Bytes of the largest derivation that is read.
pub const MAX_TEXT: usize = 64 << 20;

/// Outputs of one derivation that are read.
pub const MAX_OUTPUTS: usize = 4096;

/// Why a text is not a derivation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerivationError {
    /// More than [`MAX_TEXT`] bytes.
    #[error("a derivation of {0} bytes is larger than the {MAX_TEXT} that are read")]
    TooLong(usize),
    /// Something other than `Derive([("<name>","<path>","<function>","<hash>"),...]` in the beginning.
    #[error("a derivation does not begin with a list of outputs")]
    Form,
    /// More than [`MAX_OUTPUTS`] outputs.
    #[error("a derivation has more than {MAX_OUTPUTS} outputs")]
    TooMany,
    /// Two outputs of one name.
    #[error("a derivation has two outputs named {0:?}")]
    Twice(String),
    /// An output's path that is none.
    #[error("a derivation's output path cannot be read: {0}")]
    Path(#[from] StorePathError),
}

/// The outputs whose paths the derivation itself says; not those that are known only once they are built.
///
/// # Errors
/// When `text` does not begin as a derivation in ATerm form does. What follows the outputs is not looked at.
pub fn outputs(text: &[u8], dir: &StoreDir) -> Result<BTreeMap<String, StorePath>, DerivationError> {
    if text.len() > MAX_TEXT {
        return Err(DerivationError::TooLong(text.len()));
    }
    let mut rest = text;
    // The second form is of an experimental feature: a version, and then the same.
    if expect(&mut rest, b"Derive(").is_err() {
        expect(&mut rest, b"DrvWithVersion(")?;
        string(&mut rest)?;
        expect(&mut rest, b",")?;
    }
    expect(&mut rest, b"[")?;
    let mut outputs = BTreeMap::new();
    let mut names = 0;
    loop {
        expect(&mut rest, b"(")?;
        let name = string(&mut rest)?;
        let path = behind_comma(&mut rest)?;
        let _function = behind_comma(&mut rest)?;
        let _hash = behind_comma(&mut rest)?;
        expect(&mut rest, b")")?;
        names += 1;
        if names > MAX_OUTPUTS {
            return Err(DerivationError::TooMany);
        }
        if !path.is_empty() && outputs.insert(name.clone(), dir.parse(&path)?).is_some() {
            return Err(DerivationError::Twice(name));
        }
        if expect(&mut rest, b"]").is_ok() {
            return Ok(outputs);
        }
        expect(&mut rest, b",")?;
    }
}

fn expect(rest: &mut &[u8], wanted: &[u8]) -> Result<(), DerivationError> {
    *rest = rest.strip_prefix(wanted).ok_or(DerivationError::Form)?;
    Ok(())
}

fn behind_comma(rest: &mut &[u8]) -> Result<String, DerivationError> {
    expect(rest, b",")?;
    string(rest)
}

/// A string in quotes, with the escapes of C that Nix writes.
fn string(rest: &mut &[u8]) -> Result<String, DerivationError> {
    expect(rest, b"\"")?;
    let mut bytes = Vec::new();
    loop {
        let (&byte, behind) = rest.split_first().ok_or(DerivationError::Form)?;
        *rest = behind;
        match byte {
            b'"' => return String::from_utf8(bytes).map_err(|_| DerivationError::Form),
            b'\\' => {
                let (&escaped, behind) = rest.split_first().ok_or(DerivationError::Form)?;
                *rest = behind;
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
            }
            other => bytes.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/nix/store/00000000000000000000000000000000-a";

    fn read(text: &str) -> Result<Vec<String>, DerivationError> {
        Ok(outputs(text.as_bytes(), &StoreDir::default())?.into_keys().collect())
    }

    #[test]
    fn outputs_with_paths_are_read() {
        let (dev, out) =
            (format!(r#"("dev","{PATH}-dev","","")"#), format!(r#"("out","{PATH}","r:sha256","00")"#));
        assert_eq!(read(&format!("Derive([{dev},{out}],[],[]")).unwrap(), ["dev", "out"]);
        assert_eq!(read(&format!(r#"DrvWithVersion("xp-dyn-drv",[{out}],"#)).unwrap(), ["out"]);
        assert_eq!(read(&format!(r#"Derive([("out","","r:sha256",""),{dev}],"#)).unwrap(), ["dev"]);
        assert_eq!(read(&format!(r#"Derive([("a\"\\\n","{PATH}","","")],"#)).unwrap(), ["a\"\\\n"]);
    }

    #[test]
    fn what_begins_otherwise_is_refused() {
        for text in
            ["", "Derive(", "Derive([]", "Derive([(", "derive([(\"", "DrvWithVersion([", "Derive([(\"a\\"]
        {
            assert_eq!(read(text), Err(DerivationError::Form), "{text}");
        }
        let one = format!(r#"("out","{PATH}","","")"#);
        assert_eq!(read(&format!("Derive([{one}")), Err(DerivationError::Form));
        assert_eq!(read(&format!("Derive([{one},{one}]")), Err(DerivationError::Twice("out".to_owned())));
        assert!(matches!(read(r#"Derive([("out","/elsewhere","","")]"#), Err(DerivationError::Path(_))));
        let many = format!("Derive([{}", r#"("a","","",""),"#.repeat(MAX_OUTPUTS + 1));
        assert_eq!(read(&many), Err(DerivationError::TooMany));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = outputs(&bytes, &StoreDir::default());
            let _ = outputs(&[b"Derive([(\"", bytes.as_slice()].concat(), &StoreDir::default());
        }
    }
}
