//! Logins for servers, in a `.netrc`.

use std::{fmt, path::Path};

use super::{read::read, words::words};

/// A login.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The server; none in the entry for all others.
    pub machine: Option<String>,
    /// The user's name.
    pub login: Option<String>,
    /// The password.
    pub password: Option<String>,
}

/// Without the password.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?})", self.machine)
    }
}

/// All logins of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netrc(Vec<Entry>);

impl Netrc {
    /// Reads a file; one that is not there, cannot be read, or is larger than [`super::MAX_FILE`] holds nothing.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let bytes = read(file).ok().filter(|bytes| bytes.len() as u64 <= super::MAX_FILE);
        Self::parse(&String::from_utf8_lossy(&bytes.unwrap_or_default()))
    }

    /// Reads words: `machine NAME`, `default`, and for each of these `login NAME` and `password WORD`. Words that
    /// belong to nothing are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut words = words(text.as_bytes()).into_iter().filter_map(|span| text.get(span));
        while let Some(word) = words.next() {
            match word {
                "default" => entries.push(Entry::default()),
                "machine" => {
                    let Some(machine) = words.next() else { break };
                    entries.push(Entry { machine: Some(machine.to_owned()), ..Entry::default() });
                }
                "login" | "password" | "account" => {
                    let Some(value) = words.next() else { break };
                    match (entries.last_mut(), word) {
                        (Some(entry), "login") => entry.login = Some(value.to_owned()),
                        (Some(entry), "password") => entry.password = Some(value.to_owned()),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Self(entries)
    }

    /// The login for a server: the first entry that names it, else the one for all others.
    #[must_use]
    pub fn login(&self, host: &str) -> Option<&Entry> {
        let named =
            |entry: &&Entry| entry.machine.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host));
        self.0.iter().find(named).or_else(|| self.0.iter().find(|entry| entry.machine.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(text: &str, host: &str) -> Option<(Option<String>, Option<String>)> {
        let entry = Netrc::parse(text).login(host).cloned();
        entry.map(|entry| (entry.login, entry.password))
    }

    fn both(login: &str, password: &str) -> Option<(Option<String>, Option<String>)> {
        Some((Some(login.to_owned()), Some(password.to_owned())))
    }

    #[test]
    fn a_servers_login_is_found() {
        let text = "# machine c.example login no password no\nmachine a.example\n  login me\n  password s#t\n\
                    macdef init\nmachine b.example login no password no\n\n\
                    machine b.example login you account x password w machine a.example password late\n";
        assert_eq!(login(text, "a.example"), both("me", "s#t"));
        assert_eq!(login(text, "B.Example"), both("you", "w"));
        assert_eq!(login(text, "c.example"), None);
        assert_eq!(login(&format!("{text}default login any password p"), "c.example"), both("any", "p"));
    }

    #[test]
    fn a_file_that_is_not_there_holds_nothing() {
        assert_eq!(Netrc::read(Path::new("/nonexistent/netrc")), Netrc::default());
    }

    #[test]
    fn the_password_stays_out_of_debug_output() {
        let netrc = Netrc::parse("machine a login b password secret");
        assert!(!format!("{netrc:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "((machine|login|password|macdef|default|#|[a-z]{1,3})[ \n]){0,12}.{0,20}") {
            let _ = Netrc::parse(&text).login("a");
        }
    }
}
