//! Files are added to and taken from without losing what else is in them.

use proptest::prelude::*;

use super::*;
use crate::nix_conf::Netrc;

fn settings(name: &str) -> Settings {
    let keys = vec!["team-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=".parse().unwrap()];
    let cache = format!("https://host/nix/{name}").parse().unwrap();
    Settings { cache, keys, netrc_file: None }
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn a_block_is_replaced_where_it_stands() {
    let (a, b) = (settings("a"), settings("b"));
    let both = put(&put(b"cores = 2\n", &a), &b);
    let own = Settings { netrc_file: Some("/x".into()), ..a.clone() };
    let changed = put(&both, &own);
    assert_eq!(text(&changed).matches("extra-substituters").count(), 2);
    assert!(text(&changed).find("nix/a") < text(&changed).find("nix/b"));
    assert_eq!(netrc_file(&changed, &a.cache), Some("/x".into()));
    assert_eq!(netrc_file(&changed, &b.cache), None);
    assert_eq!(caches(&changed), [a.cache.clone(), b.cache.clone()]);
    assert_eq!(text(&take(&take(&changed, &a.cache), &b.cache)), "cores = 2\n");
}

#[test]
fn a_beginning_without_an_end_costs_nobody_his_lines() {
    let a = settings("a");
    let torn = format!("# snowbank use {}: begin\ncores = 2", a.cache);
    let twice = put(&put(torn.as_bytes(), &a), &a);
    assert_eq!(text(&twice).matches("extra-substituters").count(), 1);
    assert_eq!(text(&take(&twice, &a.cache)), torn);
}

#[test]
fn a_login_comes_first_and_alone() {
    let before = "# ours\nmachine a login x password y # z\nmachine HOST\n  login me\n  # why\n  password p\ndefault login d";
    let after = put_login(before.as_bytes(), "host", "T").unwrap();
    assert_eq!(
        text(&after),
        "machine host login snowbank password T\n# ours\nmachine a login x password y # z\n  # why\ndefault login d"
    );
    assert_eq!(put_login(&after, "host", "T").unwrap(), after);
    assert_eq!(text(&take_login(&after, "host")).lines().next(), Some("# ours"));
    assert_eq!(text(&take_login(before.as_bytes(), "HOST")), before, "not ours");
}

#[test]
fn a_login_is_not_put_before_words_that_would_change_it() {
    assert_eq!(put_login(b"password x machine a", "host", "T"), Err(LoginError::Stray));
    assert!(put_login(b"nonsense machine a", "host", "T").is_ok());
    for wrong in ["", "a b", "\"a\"", "a\nmachine x", "#a", &"a".repeat(MAX_TOKEN + 1)] {
        assert_eq!(put_login(b"", "host", wrong), Err(LoginError::Token));
    }
}

#[test]
fn a_server_is_named_as_curl_looks_for_it() {
    let named = |url: &str| machine(&url.parse().unwrap()).unwrap();
    assert_eq!(named("https://Host:8443/nix/a"), "host");
    assert_eq!(named("http://[::1]:1/nix/a"), "::1");
}

#[test]
fn a_token_goes_encrypted_or_nowhere_else() {
    let may = |url: &str| may_carry_token(&url.parse().unwrap());
    for good in
        ["https://h/nix/a", "http://127.0.0.1:1/", "http://127.8.0.1/", "http://[::1]/", "http://localhost/"]
    {
        assert!(may(good), "{good}");
    }
    for bad in [
        "http://h/",
        "http://10.0.0.1/",
        "http://127.0.0.1.example/",
        "http://localhost.example/",
        "ftp://localhost/",
    ] {
        assert!(!may(bad), "{bad}");
    }
}

/// Lines of any `nix.conf`, ours in any order among them.
fn conf() -> impl Strategy<Value = String> {
    let marks = ["begin", "end"].map(|mark| format!("# snowbank use https://host/nix/a: {mark}"));
    let line = prop_oneof![
        "[a-z =#\r]{0,8}",
        Just(marks[0].clone()),
        Just(marks[1].clone()),
        Just("# snowbank use https://host/nix/b: begin".to_owned()),
    ];
    (prop::collection::vec(line, 0..8), any::<bool>())
        .prop_map(|(lines, end)| lines.join("\n") + if end { "\n" } else { "" })
}

fn netrc() -> impl Strategy<Value = String> {
    let word = "machine|default|login|password|account|macdef|host|a|b|#|#x|snowbank";
    prop::collection::vec((word, "[ \t\n]|\n\n| \r\n"), 0..16)
        .prop_map(|words| words.into_iter().map(|(word, blank)| word + &blank).collect())
}

proptest! {
    #[test]
    fn a_block_put_twice_is_put_once_and_taken_it_was_never_there(file in conf()) {
        let (a, file) = (settings("a"), file.as_bytes());
        let once = put(file, &a);
        prop_assert_eq!(&put(&once, &a), &once);
        let without = take(file, &a.cache);
        prop_assert_eq!(&take(&once, &a.cache), &without);
        prop_assert_eq!(&take(&without, &a.cache), &without);
        if !text(file).contains("nix/a: begin") {
            prop_assert_eq!(&without[..], file);
        }
    }

    #[test]
    fn a_login_is_found_and_the_others_stay(file in netrc()) {
        let before = Netrc::parse(&file);
        if let Ok(once) = put_login(file.as_bytes(), "host", "T") {
            prop_assert_eq!(&put_login(&once, "host", "T").unwrap(), &once);
            let after = Netrc::parse(text(&once));
            let found = after.login("host").unwrap();
            prop_assert_eq!((found.login.as_deref(), found.password.as_deref()), (Some(USER), Some("T")));
            for other in ["a", "b", "#x", "login"] {
                prop_assert_eq!(after.login(other), before.login(other), "{}", text(&once));
            }
            let gone = take_login(&once, "host");
            prop_assert_eq!(&take_login(&gone, "host"), &gone);
            if !file.contains("host") {
                prop_assert_eq!(text(&gone), file);
            }
        }
    }
}
