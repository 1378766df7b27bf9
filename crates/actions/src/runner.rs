//! What a step tells the runner: records in the files that it names, and commands on the standard output.
//!
//! Source: the runner's file commands and the toolkit's `core` package, which always writes the form with a delimiter.

/// A record that the runner would read as something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The name is empty or has a character that would end it.
    #[error("`{0}` is no name of an output or a state")]
    Name(String),
    /// The system gives no random numbers for the delimiter.
    #[error("the system gives no random numbers")]
    Random,
}

/// A record for `GITHUB_OUTPUT`, `GITHUB_STATE` or `GITHUB_ENV`, to be appended. The delimiter is random, so that no
/// value from outside can end the record and begin another.
pub fn record(name: &str, value: &str) -> Result<String, RecordError> {
    let mut random = [0; 16];
    loop {
        getrandom::fill(&mut random).map_err(|_| RecordError::Random)?;
        let delimiter = format!("ghadelimiter_{}", hex::encode(random));
        if !name.contains(&delimiter) && !value.contains(&delimiter) {
            return record_with(name, value, &delimiter);
        }
    }
}

fn record_with(name: &str, value: &str, delimiter: &str) -> Result<String, RecordError> {
    if name.is_empty() || name.contains(['\r', '\n', '=']) || name.contains("<<") {
        return Err(RecordError::Name(name.escape_debug().to_string()));
    }
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// A workflow command, a line without its end: `::warning title=x::message`.
#[must_use]
pub fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let space = if properties.is_empty() { "" } else { " " };
    format!("::{name}{space}{}::{}", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_has_its_value_between_delimiters() {
        assert_eq!(record_with("k", "a\nb", "D").unwrap(), "k<<D\na\nb\nD\n");
        let written = record("cache-hit", "true").unwrap();
        let delimiter = written.lines().last().unwrap();
        assert_eq!(written, format!("cache-hit<<{delimiter}\ntrue\n{delimiter}\n"));
        assert_ne!(written, record("cache-hit", "true").unwrap());
    }

    #[test]
    fn a_name_cannot_be_another_record() {
        for name in ["", "a\nb", "a=b", "a<<b"] {
            assert!(matches!(record(name, "x"), Err(RecordError::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn commands_are_written_as_the_toolkit_does() {
        assert_eq!(command("endgroup", &[], ""), "::endgroup::");
        let written = command("warning", &[("title", "a:b,c"), ("file", "x")], "50 %\r\n::error::");
        assert_eq!(written, "::warning title=a%3Ab%2Cc,file=x::50 %25%0D%0A::error::");
    }

    proptest! {
        #[test]
        fn a_command_is_one_line(value in ".*", message in "(.|[\r\n])*") {
            let command = command("notice", &[("title", &value)], &message);
            prop_assert!(!command.contains(['\r', '\n']));
            prop_assert_eq!(command.split("::").nth(1).unwrap().matches([':', ',']).count(), 0);
        }
    }
}
