//! Every command line in the README, the documents and the examples is one that the arguments take.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Args;

/// The program, where a command begins.
const PROGRAM: &str = "snowbank ";

/// What stands before a command.
const BEFORE: &[&str] = &[
    "$(",
    "$",
    "|",
    ";",
    "&",
    "then",
    "do",
    "else",
    "sudo",
    "exec",
    "-",
    "run:",
    "=/usr/local/bin/",
    "--preserve-env=SNOWBANK_TOKEN",
];

/// A command line, and the line of the file that it begins in.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    text: String,
}

/// The lines of a file in which commands may stand; those that a backslash continues are one. Of a document these are its
/// code blocks.
fn lines(text: &str, is_document: bool) -> Vec<Line> {
    let (mut found, mut inside, mut begun): (Vec<Line>, _, Option<Line>) = (Vec::new(), !is_document, None);
    for (number, line) in text.lines().enumerate() {
        if is_document && line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        if !inside {
            continue;
        }
        let whole = match begun.take() {
            Some(begun) => Line { text: begun.text + line.trim_start(), ..begun },
            None => Line { number: number + 1, text: line.to_owned() },
        };
        match whole.text.strip_suffix('\\') {
            Some(start) => begun = Some(Line { number: whole.number, text: start.to_owned() }),
            None => found.push(whole),
        }
    }
    found.extend(begun);
    found
}

/// The commands of a line: the program's own, without what is before and behind each.
fn commands(line: &str, in_prose: bool) -> Vec<&str> {
    let begins = |before: &str| {
        let tight = before.trim_end();
        tight.is_empty()
            || BEFORE.iter().any(|word| tight.ends_with(word))
            || tight.rsplit(' ').next().is_some_and(is_assignment)
            // A comment's own lines are further in than its words.
            || before.ends_with("#   ")
            || (in_prose && before.ends_with('`'))
    };
    let starts = line.match_indices(PROGRAM).filter(|(at, _)| begins(&line[..*at]));
    starts.map(|(at, _)| &line[at..at + end(&line[at..])]).collect()
}

/// Whether a word sets a variable for the command behind it.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Where a command ends: at what a shell ends it with, outside of quotes and of `$(...)`.
fn end(text: &str) -> usize {
    let (mut quote, mut depth) = (None, 0_usize);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') if depth == 0 => quote = Some(c),
            (Some('\''), _) => {}
            (_, '(') => depth += 1,
            (None, ')') if depth == 0 => return at,
            (_, ')') => depth = depth.saturating_sub(1),
            (None, '|' | ';' | '&' | '`') if depth == 0 => return at,
            // The number of what is sent elsewhere is no word of the command.
            (None, '>') if depth == 0 => {
                return text[..at].trim_end_matches(|c: char| c.is_ascii_digit()).len();
            }
            (None, '#') if before == ' ' => return at,
            _ => {}
        }
        before = c;
    }
    text.len()
}

/// The same with a word for whatever a shell or a forge puts in: `${{ ... }}`, `$(...)`, `${...}` and `$NAME`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        out.push_str("word");
        rest = match behind.chars().next() {
            Some(open @ ('{' | '(')) => balanced(behind, open),
            _ => behind.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        };
    }
    out + rest
}

/// What is behind the brace or parenthesis that closes the first one.
fn balanced(text: &str, open: char) -> &str {
    let close = if open == '{' { '}' } else { ')' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        depth += usize::from(c == open);
        depth -= usize::from(c == close);
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

/// What is wrong with a command, if something is.
fn refused(command: &str) -> Option<String> {
    let Some(words) = shlex::split(&filled(command)) else {
        return Some("its quotes do not close".to_owned());
    };
    let error = Args::try_parse_from(words).err()?;
    let shown = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind());
    (!shown).then(|| error.to_string())
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

#[test]
fn every_command_that_is_written_down_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut files = below(&root.join("docs"));
    files.extend([root.join("README.md"), root.join("action.yml")]);
    let examples = below(&root.join("examples"));
    // This one is made from the arguments, and shows how they are put together.
    files.retain(|file| !file.ends_with("docs/commands.md"));
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (file, is_example) in
        files.iter().map(|file| (file, false)).chain(examples.iter().map(|file| (file, true)))
    {
        let text = std::fs::read_to_string(file).unwrap().replace("\"$(command -v snowbank)\"", "snowbank");
        let is_document = file.extension().is_some_and(|end| end == "md");
        for line in lines(&text, is_document) {
            for command in commands(&line.text, is_example) {
                seen += 1;
                if let Some(why) = refused(command) {
                    let place = file.strip_prefix(&root).unwrap().display();
                    wrong.push(format!("{place}:{}: {command}\n{why}", line.number));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 80, "only {seen} commands were found");
}

#[test]
fn a_document_s_commands_are_those_in_its_blocks() {
    let text = "snowbank none\n```\na\nsnowbank x \\\n    --y\n```\nb\n";
    let line = |number, text: &str| Line { number, text: text.to_owned() };
    assert_eq!(lines(text, true), [line(3, "a"), line(4, "snowbank x --y")]);
    assert_eq!(lines("a \\\n b\nc", false), [line(1, "a b"), line(3, "c")]);
}

#[test]
fn a_command_begins_and_ends_where_a_shell_says() {
    for (line, expected) in [
        ("snowbank a b", &["snowbank a b"][..]),
        ("$ snowbank a # b", &["snowbank a "]),
        ("- run: snowbank a 'b; c'; d", &["snowbank a 'b; c'"]),
        (
            r#"snowbank a --k "$(snowbank b c)" -- d"#,
            &[r#"snowbank a --k "$(snowbank b c)" -- d"#, "snowbank b c"],
        ),
        ("export T=$(snowbank a | snowbank b)", &["snowbank a ", "snowbank b"]),
        ("snowbank a 2>b &", &["snowbank a "]),
        ("ExecStart=/usr/local/bin/snowbank a", &["snowbank a"]),
        ("A_B=$c snowbank a", &["snowbank a"]),
        ("cold snowbank 1.0 MB", &[]),
        ("# snowbank a", &[]),
        ("#   snowbank a", &["snowbank a"]),
        ("as `snowbank a`", &[]),
    ] {
        assert_eq!(commands(line, false), expected, "{line}");
    }
    assert_eq!(commands("as `snowbank a` b", true), ["snowbank a"]);
}

#[test]
fn what_is_put_in_becomes_a_word() {
    assert_eq!(filled("a $B ${C}:d $(e (f) g) ${{ h }}i \"$J\""), "a word word:d word wordi \"word\"");
    assert_eq!(filled("a $(b"), "a word");
}
