//! Settings of issuers whose identity tokens are exchanged for ours, `[[oidc]]`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest time for which a token holds that was given for an identity token.
pub const MAX_OIDC_TOKEN: Duration = Duration::from_secs(15 * 60);

/// Claims that say whose job it is. A rule without any of them would let in every project of its issuer.
const WHOSE: [&str; 10] = [
    "sub",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "project_path",
    "project_id",
    "namespace_path",
    "namespace_id",
    "user_email",
];

/// An issuer of identity tokens, and what its tokens are worth here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The issuer's URL, as the `iss` claim has it; its keys are found by discovery.
    pub issuer: String,
    /// What the `aud` claim has to be.
    pub audience: String,
    /// Who may do what; the rights of all rules that match are added up.
    #[serde(default)]
    pub rules: Vec<OidcRule>,
}

/// A rule: whose claims match all patterns has the rights on the caches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcRule {
    /// Patterns by the claims' names; `*` is any run of characters. A claim that is missing does not match.
    pub claims: BTreeMap<String, String>,
    /// Patterns of the names of caches.
    pub caches: Vec<String>,
    /// What may be done there.
    pub rights: Vec<Right>,
    /// Whether pushes land in a view of the job's ref even if it is no pull request's.
    #[serde(default)]
    pub view: bool,
}

/// Something that may be done with a binary cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Reading.
    Pull,
    /// Adding; who may push may pull.
    Push,
    /// Naming what is kept.
    Pin,
    /// Everything.
    Admin,
}

/// A word that is no right.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no right: there are pull, push, pin and admin", .0.escape_debug())]
pub struct NoSuchRight(String);

impl Right {
    const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Pin, Self::Admin];

    fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Pin => "pin",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Right {
    type Err = NoSuchRight;

    fn from_str(word: &str) -> Result<Self, NoSuchRight> {
        Self::ALL.into_iter().find(|right| right.word() == word).ok_or_else(|| NoSuchRight(word.to_owned()))
    }
}

/// Settings of an issuer that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// An issuer whose keys anybody on the way could replace.
    #[error("the issuer `{}` is no https:// URL (http:// is for loopback addresses)", .0.escape_debug())]
    Issuer(String),
    /// Tokens for anybody would be accepted.
    #[error("the issuer {0} has an empty audience")]
    Audience(String),
    /// A rule that does not say for whom it is.
    #[error(
        "rule {number} of the issuer {issuer} names no claim that says whose job it is, such as repository, project_path or sub"
    )]
    Anybody {
        /// Whose rule.
        issuer: String,
        /// Which, counted from one.
        number: usize,
    },
    /// A rule that gives nothing.
    #[error("rule {number} of the issuer {issuer} names no {what}")]
    Nothing {
        /// Whose rule.
        issuer: String,
        /// Which, counted from one.
        number: usize,
        /// What is missing.
        what: &'static str,
    },
}

impl Oidc {
    /// The issuer without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.trim_end_matches('/')
    }

    /// Checks what no single value shows to be wrong.
    ///
    /// # Errors
    /// When keys could not be fetched safely, or a rule is for anybody or for nothing.
    pub fn check(&self) -> Result<(), OidcError> {
        if !is_safe(&self.issuer) {
            return Err(OidcError::Issuer(self.issuer.clone()));
        }
        let issuer = self.issuer.clone();
        if self.audience.is_empty() {
            return Err(OidcError::Audience(issuer));
        }
        for (number, rule) in (1..).zip(&self.rules) {
            if !rule.claims.keys().any(|claim| WHOSE.contains(&claim.as_str())) {
                return Err(OidcError::Anybody { issuer, number });
            }
            for (what, none) in [("caches", rule.caches.is_empty()), ("rights", rule.rights.is_empty())] {
                if none {
                    return Err(OidcError::Nothing { issuer, number, what });
                }
            }
        }
        Ok(())
    }
}

/// Whether nobody between here and there can change what is fetched: HTTPS, or this machine.
pub(crate) fn is_safe(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        toml::from_str::<Oidc>(text).unwrap().check().unwrap_err().to_string()
    }

    const GOOD: &str = "issuer = 'https://i.example'\naudience = 'snow'\n";

    #[test]
    fn a_rule_reads_as_it_is_documented() {
        let rule = "[[rules]]\nclaims = { repository = 'acme/*', ref = 'refs/heads/main' }\n\
                    caches = ['team-*']\nrights = ['pull', 'push']\n";
        let oidc: Oidc = toml::from_str(&format!("{GOOD}{rule}")).unwrap();
        oidc.check().unwrap();
        assert_eq!(oidc.rules[0].rights, [Right::Pull, Right::Push]);
        assert!(!oidc.rules[0].view);
    }

    #[test]
    fn issuers_are_reached_safely() {
        for issuer in ["https://i.example/path", "http://127.0.0.1:80", "http://localhost", "http://[::1]:1"]
        {
            assert!(is_safe(issuer), "{issuer}");
        }
        for issuer in ["http://i.example", "i.example", "", "ftp://127.0.0.1", "http://127.0.0.1.example"] {
            assert!(!is_safe(issuer), "{issuer}");
        }
        assert!(refused("issuer = 'http://i.example'\naudience = 'snow'").contains("http://i.example"));
        assert!(refused("issuer = 'https://i.example'\naudience = ''").contains("audience"));
    }

    #[test]
    fn a_rule_for_anybody_or_for_nothing_is_refused() {
        let rule = |claims: &str, caches: &str, rights: &str| {
            refused(&format!("{GOOD}[[rules]]\nclaims = {claims}\ncaches = {caches}\nrights = {rights}\n"))
        };
        assert!(rule("{}", "['a']", "['pull']").contains("rule 1"));
        assert!(rule("{ ref = 'refs/heads/main' }", "['a']", "['pull']").contains("whose job"));
        assert!(rule("{ sub = '*' }", "[]", "['pull']").ends_with("names no caches"));
        assert!(rule("{ sub = '*' }", "['a']", "[]").ends_with("names no rights"));
    }

    #[test]
    fn rights_read_as_they_print() {
        for right in Right::ALL {
            assert_eq!(right.to_string().parse::<Right>().unwrap(), right);
        }
        assert_eq!(
            "Pull".parse::<Right>().unwrap_err().to_string(),
            "`Pull` is no right: there are pull, push, pin and admin"
        );
    }
}
