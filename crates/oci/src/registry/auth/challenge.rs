//! What a registry wants to see: `WWW-Authenticate` (RFC 9110, section 11.6.1).

/// Bytes of a header at the most; a longer one makes no sense.
const MAX_HEADER: usize = 8 << 10;

/// Challenges, and parameters of each, that are read.
const MAX_PARTS: usize = 32;

/// One way to authenticate that a server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// `Bearer`, `Basic`, in lower case.
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter by its name in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads the challenges of one header: there may be several, and quoted values may hold commas. What makes no
    /// sense is passed over.
    #[must_use]
    pub fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        if header.len() > MAX_HEADER {
            return challenges;
        }
        let mut rest = Text(header);
        loop {
            rest.skip(|c| c == ',' || c.is_ascii_whitespace());
            let word = rest.take(|c| !matches!(c, ',' | '=' | '"') && !c.is_ascii_whitespace());
            if rest.0.is_empty() && word.is_empty() {
                return challenges;
            }
            let word = word.to_ascii_lowercase();
            let after = rest.0.trim_start();
            if let (Some(value), Some(last)) = (after.strip_prefix('='), challenges.last_mut()) {
                rest.0 = value.trim_start();
                let value = rest.value();
                if last.parameters.len() < MAX_PARTS && !word.is_empty() {
                    last.parameters.push((word, value));
                }
            } else if word.is_empty() {
                // A stray quotation mark or equals sign.
                rest.drop_one();
            } else if challenges.len() < MAX_PARTS {
                challenges.push(Self { scheme: word, parameters: Vec::new() });
            } else {
                return challenges;
            }
        }
    }
}

/// What is still to be read.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn skip(&mut self, which: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(which);
    }

    fn take(&mut self, which: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !which(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn drop_one(&mut self) {
        let mut characters = self.0.chars();
        characters.next();
        self.0 = characters.as_str();
    }

    /// A token, or a quoted string without its quotation marks and backslashes.
    fn value(&mut self) -> String {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return self.take(|c| c != ',' && !c.is_ascii_whitespace()).to_owned();
        };
        let mut value = String::new();
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => value.extend(characters.next()),
                other => value.push(other),
            }
        }
        self.0 = characters.as_str();
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commas_in_quotes_and_several_challenges_are_told_apart() {
        let header = r#"Basic realm="a, \"b\"", Bearer realm="https://x/token",service=y , scope="repository:a:pull,push repository:b:pull", Negotiate"#;
        let read = Challenge::parse(header);
        assert_eq!(
            read.iter().map(|one| one.scheme.as_str()).collect::<Vec<_>>(),
            ["basic", "bearer", "negotiate"]
        );
        assert_eq!(read[0].get("realm"), Some("a, \"b\""));
        assert_eq!(read[1].get("realm"), Some("https://x/token"));
        assert_eq!(read[1].get("service"), Some("y"));
        assert_eq!(read[1].get("scope"), Some("repository:a:pull,push repository:b:pull"));
        assert_eq!(read[2].get("realm"), None);
    }

    #[test]
    fn garbage_gives_nothing() {
        for text in ["", ",,,", "=", "\"", ", = \""] {
            assert_eq!(Challenge::parse(text), [], "{text}");
        }
        assert_eq!(Challenge::parse(&"é ".repeat(9000)), []);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_bounded(text in any::<String>()) {
            prop_assert!(Challenge::parse(&text).len() <= MAX_PARTS);
        }

        #[test]
        fn a_value_comes_back_however_odd(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = Challenge::parse(&format!("Bearer a=\"{quoted}\",b=c"));
            prop_assert_eq!(read[0].get("a"), Some(value.as_str()));
            prop_assert_eq!(read[0].get("b"), Some("c"));
        }
    }
}
