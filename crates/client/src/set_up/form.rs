//! The settings as text, for `nix.conf` and for those who have it made from Nix code.

use std::path::Path;

use super::{Settings, USER, machine};

/// Seconds that Nix waits for a connection to a cache: one that is down must not hold builds up.
const CONNECT_TIMEOUT: u32 = 5;

/// How the settings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines of a `nix.conf`.
    NixConf,
    /// A module of NixOS.
    NixOs,
    /// A module of nix-darwin.
    NixDarwin,
    /// A module of home-manager.
    HomeManager,
}

impl Settings {
    /// As lines of a `nix.conf`.
    #[must_use]
    pub fn nix_conf(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "extra-substituters = {}\nextra-trusted-public-keys = {}\nfallback = true\n\
             connect-timeout = {CONNECT_TIMEOUT}\n",
            self.cache,
            keys.join(" ")
        );
        if let Some(file) = &self.netrc_file {
            text += &format!("netrc-file = {}\n", file.display());
        }
        text
    }

    /// For people to put where it belongs. `private` tells where the login is to be that Nix needs: in the file that goes
    /// with a `nix.conf`, and with modules in that of the whole machine.
    #[must_use]
    pub fn shown(&self, form: Form, private: Option<&Path>) -> String {
        let login = match (private, machine(&self.cache)) {
            (Some(netrc), Some(machine)) => {
                let file = match form {
                    Form::NixConf => netrc.display().to_string(),
                    _ => "the netrc file that Nix's daemon reads, /etc/nix/netrc".to_owned(),
                };
                format!("# the token goes into {file}:\n#   machine {machine} login {USER} password TOKEN\n")
            }
            _ => String::new(),
        };
        match form {
            Form::NixConf => login + &self.nix_conf(),
            // Both have lists of these names that cache.nixos.org is in, and put those of all modules together.
            Form::NixOs | Form::NixDarwin => login + &self.module(""),
            // Here a list without `extra-` would take the place of the machine's.
            Form::HomeManager => {
                let trusted = "# counts for users whom Nix's daemon trusts (trusted-users)\n";
                login + trusted + &self.module("extra-")
            }
        }
    }

    fn module(&self, extra: &str) -> String {
        let keys: String = self.keys.iter().map(|key| format!(" {}", quoted(&key.to_string()))).collect();
        format!(
            "{{\n  nix.settings = {{\n    {extra}substituters = [ {} ];\n    {extra}trusted-public-keys = [{keys} ];\n    \
             fallback = true;\n    connect-timeout = {CONNECT_TIMEOUT};\n  }};\n}}\n",
            quoted(self.cache.as_str())
        )
    }
}

/// A string of Nix's language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let key = "team-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
        Settings {
            cache: "https://host/nix/team".parse().unwrap(),
            keys: vec![key.parse().unwrap(), key.replace("-1", "-2").parse().unwrap()],
            netrc_file: None,
        }
    }

    #[test]
    fn a_machine_is_told_in_lines() {
        let own = Settings { netrc_file: Some("/x/netrc".into()), ..settings() };
        assert_eq!(
            own.nix_conf(),
            "extra-substituters = https://host/nix/team\n\
             extra-trusted-public-keys = team-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY= \
             team-2:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=\n\
             fallback = true\nconnect-timeout = 5\nnetrc-file = /x/netrc\n"
        );
    }

    #[test]
    fn strings_of_nix_stay_strings() {
        assert_eq!(quoted(r#"a"b\c${d}$e"#), r#""a\"b\\c\${d}$e""#);
    }

    #[test]
    fn only_a_private_cache_needs_a_login_where_its_reader_looks() {
        let shown = |form, private| settings().shown(form, private);
        let own = Some(Path::new("/home/me/.config/nix/netrc"));
        assert!(shown(Form::NixOs, own).contains("machine host login snowbank password TOKEN"));
        assert!(shown(Form::NixOs, own).contains(" /etc/nix/netrc:"));
        assert!(shown(Form::NixConf, own).starts_with("# the token goes into /home/me/.config/nix/netrc:\n"));
        assert!(!shown(Form::NixOs, None).contains("netrc"));
    }
}
