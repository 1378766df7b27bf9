//! The lines of a `nix.conf`.

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// `name = words`.
    Setting {
        /// The setting.
        name: &'a str,
        /// Its value, in words.
        words: Vec<&'a str>,
    },
    /// `include file` or `!include file`.
    Include {
        /// The file, relative to the one that names it.
        file: &'a str,
        /// Whether it may be missing.
        optional: bool,
    },
}

/// Reads lines as Nix does (`config.cc`): words between white space, nothing behind a `#`. `Err` for one that Nix
/// refuses; with the number of the line, counted from 1.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, Result<Line<'_>, BadLine>)> {
    let numbered = text.split('\n').enumerate();
    numbered.filter_map(|(at, line)| line_of(line).map(|line| (at + 1, line)))
}

fn line_of(line: &str) -> Option<Result<Line<'_>, BadLine>> {
    let said = line.split('#').next().unwrap_or_default();
    let words: Vec<_> = said.split([' ', '\t', '\r']).filter(|word| !word.is_empty()).collect();
    Some(match words.as_slice() {
        [] => return None,
        ["include", file] => Ok(Line::Include { file, optional: false }),
        ["!include", file] => Ok(Line::Include { file, optional: true }),
        ["include" | "!include", ..] => Err(BadLine),
        [name, "=", words @ ..] => Ok(Line::Setting { name, words: words.to_vec() }),
        _ => Err(BadLine),
    })
}

/// A line that is neither a setting nor an include.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither `name = value` nor `include file`")]
pub struct BadLine;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_and_includes_are_read() {
        let text = "# all of it\n\n a = b  c # d\r\n\tempty =\ninclude x.conf\n!include /y\na=b\ninclude\n";
        let setting = |name, words: &[&'static str]| Ok(Line::Setting { name, words: words.to_vec() });
        assert_eq!(
            lines(text).collect::<Vec<_>>(),
            [
                (3, setting("a", &["b", "c"])),
                (4, setting("empty", &[])),
                (5, Ok(Line::Include { file: "x.conf", optional: false })),
                (6, Ok(Line::Include { file: "/y", optional: true })),
                (7, Err(BadLine)),
                (8, Err(BadLine)),
            ]
        );
    }

    proptest! {
        #[test]
        fn every_line_is_of_words(text in "([a-z!#= \t\r]{0,12}\n?){0,8}") {
            for (number, line) in lines(&text) {
                prop_assert!(number <= text.split('\n').count());
                if let Ok(Line::Setting { name, words }) = line {
                    let plain = |word: &str| !word.is_empty() && !word.contains([' ', '#', '\n', '\r', '\t']);
                    prop_assert!(plain(name) && words.into_iter().all(plain));
                }
            }
        }
    }
}
