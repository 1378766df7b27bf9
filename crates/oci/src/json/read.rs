//! Reading JSON with errors that name the field.

use serde::de::DeserializeOwned;

use super::limits::{Limits, TooLarge};

/// Why a JSON text is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It is no JSON, or a field is not what it should be.
    #[error("{}", at(.field))]
    Field {
        /// The field, as `layers[3].digest`; `.` for the whole.
        field: String,
        /// What is wrong, and in which line and column.
        #[source]
        source: serde_json::Error,
    },
}

fn at(field: &str) -> String {
    if field == "." {
        "it is not the JSON that it should be".to_owned()
    } else {
        format!("its field {field} is not valid")
    }
}

/// Reads a text within limits, and not more deeply nested than 128 levels.
///
/// # Errors
/// When it is too large, no JSON, or a field is not what it should be.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8], limits: &Limits) -> Result<T, JsonError> {
    limits.check(text)?;
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let mut track = serde_path_to_error::Track::new();
    let value = T::deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track))
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|source| JsonError::Field { field: track.path().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, objects: 1000, values: 1000 };

    #[test]
    fn deep_nesting_is_refused() {
        let text = "[".repeat(100_000);
        assert!(read::<serde_json::Value>(text.as_bytes(), &LIMITS).is_err());
    }

    #[test]
    fn what_follows_is_refused() {
        assert!(read::<u8>(b"1 ", &LIMITS).is_ok());
        assert!(read::<u8>(b"1 2", &LIMITS).is_err());
    }
}
