//! `snowbank use`: a machine's Nix is set up for a cache, and gets there with nothing else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

use snowbank_testkit::builds;
use snowbank_testkit::closure::{nix, requisites};
use snowbank_testkit::nix_daemon::NixDaemon;
use snowbank_testkit::process::{PATIENCE, Process};
use tempfile::TempDir;

use crate::kit::{CACHES, Server, closure, empty, good, push, said};

/// A machine's settings, and a home on it.
struct Machine(TempDir);

impl Machine {
    /// With no cache but those to come: cache.nixos.org cannot be reached everywhere.
    fn new() -> Self {
        let machine = Self::bare();
        fs::write(machine.conf(), "# mine\nsubstituters =\n").unwrap();
        machine
    }

    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["etc", "home/.config/nix"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Root sets up the machine, everybody else himself.
    fn conf(&self) -> PathBuf {
        self.at(if is_root() { "etc/nix.conf" } else { "home/.config/nix/nix.conf" })
    }

    fn netrc(&self) -> PathBuf {
        self.at("etc/netrc")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.conf()).unwrap()
    }

    /// The command, with nothing of ours or of Nix's from outside.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = snowbank_testkit::tools::command(env!("CARGO_BIN_EXE_snowbank"));
        command.arg("use").args(arguments).env_remove("SNOWBANK_TOKEN");
        self.settle(&mut command);
        command
    }

    fn settle(&self, command: &mut Command) {
        for name in ["NIX_CONFIG", "NIX_USER_CONF_FILES", "NIX_REMOTE", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command.env("NIX_CONF_DIR", self.at("etc")).env("HOME", self.at("home"));
        command.env("XDG_CONFIG_HOME", self.at("home/.config")).env("XDG_CONFIG_DIRS", self.at("none"));
    }

    fn used(&self, arguments: &[&str], token: Option<&str>) -> Output {
        let mut command = self.command(arguments);
        let output =
            token.into_iter().fold(&mut command, |command, token| command.env("SNOWBANK_TOKEN", token));
        let output = output.output().unwrap();
        if let Some(token) = token {
            assert!(!said(&output).contains(token), "{}", said(&output));
        }
        output
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn failed(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    for word in words {
        assert!(said(output).contains(word), "no `{word}` in:\n{}", said(output));
    }
}

fn block(server: &Server, cache: &str, token: &str) -> String {
    let (url, key) = (server.url(cache), server.public_key(cache, token));
    format!(
        "# snowbank use {url}: begin\nextra-substituters = {url}\nextra-trusted-public-keys = {key}\n\
         fallback = true\nconnect-timeout = 5\n# snowbank use {url}: end\n"
    )
}

#[test]
fn a_public_cache_is_named_once_however_often_and_taken_away_without_a_trace() {
    let server = Server::start(CACHES);
    let (machine, url) = (Machine::bare(), server.url("open"));
    good(&machine.used(&[&url], None));
    assert_eq!(machine.text(), block(&server, "open", ""));
    assert!(!machine.netrc().exists());
    let before = fs::metadata(machine.conf()).unwrap().modified().unwrap();
    let again = machine.used(&[&url], None);
    good(&again);
    assert_eq!(fs::metadata(machine.conf()).unwrap().modified().unwrap(), before, "{}", said(&again));
    good(&machine.used(&[&url, "--remove"], None));
    assert_eq!(machine.text(), "");
    good(&machine.used(&[&url, "--remove"], None));
}

#[test]
fn what_else_is_in_the_files_stays() {
    let server = Server::start(CACHES);
    let (machine, token) = (Machine::bare(), server.token("*:pull"));
    let (conf, netrc) = ("substituters =\n# mine\ncores = 2", "# mine\nmachine other login a password b\n");
    fs::write(machine.conf(), conf).unwrap();
    fs::set_permissions(machine.conf(), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(machine.netrc(), format!("{netrc}machine 127.0.0.1 login me password old\n")).unwrap();
    for cache in ["open", "team"] {
        good(&machine.used(&[&server.url(cache)], Some(&token)));
    }
    let text = machine.text();
    assert!(text.starts_with(&format!("{conf}\n{}", block(&server, "open", &token))), "{text}");
    assert!(format!("{text}\n").ends_with(&block(&server, "team", &token)), "{text}");
    assert_eq!(fs::metadata(machine.conf()).unwrap().permissions().mode() & 0o777, 0o640);
    let logins = fs::read_to_string(machine.netrc()).unwrap();
    assert_eq!(logins, format!("machine 127.0.0.1 login snowbank password {token}\n{netrc}"));
    assert_eq!(fs::metadata(machine.netrc()).unwrap().permissions().mode() & 0o007, 0);
    // The token is for both, so it goes with the last.
    good(&machine.used(&[&server.url("team"), "--remove"], None));
    assert_eq!(fs::read_to_string(machine.netrc()).unwrap(), logins);
    good(&machine.used(&[&server.url("open"), "--remove"], None));
    assert_eq!((machine.text(), fs::read_to_string(machine.netrc()).unwrap()), (conf.into(), netrc.into()));
}

#[test]
fn nix_pulls_from_a_private_cache_with_that_alone() {
    let server = Server::start(CACHES);
    let made = closure(1);
    good(&push(
        made.root(),
        &server.url("team"),
        Some(&server.netrc(&server.token("team:push"))),
        &[made.top()],
    ));
    let (machine, token) = (Machine::new(), server.token("team:pull"));
    failed(&machine.used(&[&server.url("team")], None), 1, &["401", "token create --cache NAME:pull"]);
    let file = machine.at("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    let output = machine.used(&[&server.url("team"), "--token-file", file.to_str().unwrap()], None);
    good(&output);
    assert!(
        said(&output).contains("Nix gets to the cache") && !said(&output).contains(&token),
        "{}",
        said(&output)
    );
    assert_eq!(fs::metadata(machine.netrc()).unwrap().permissions().mode() & 0o777, 0o600);
    let store = empty();
    let mut command = nix("nix-store", store.path());
    command.args(["--realise", made.top()]);
    machine.settle(&mut command);
    good(&command.output().unwrap());
    assert_eq!(requisites(store.path(), made.top()), made.paths());
    // The token of before does for another run.
    good(&machine.used(&[&server.url("team")], None));
}

#[test]
fn a_daemon_fetches_for_users_what_root_has_set_up() {
    if !is_root() {
        return;
    }
    let server = Server::start(CACHES);
    let made = closure(3);
    let pusher = server.netrc(&server.token("team:push"));
    good(&push(made.root(), &server.url("team"), Some(&pusher), &[made.top()]));
    let (machine, store) = (Machine::new(), empty());
    good(&machine.used(&[&server.url("team")], Some(&server.token("team:pull"))));
    for folder in [machine.0.path(), store.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    chown(machine.at("home"), Some(65534), Some(65534)).unwrap();
    let socket = store.path().join("nix/var/nix/daemon-socket/socket");
    let mut daemon = nix("nix-daemon", store.path());
    machine.settle(daemon.env("NIX_DAEMON_SOCKET_PATH", &socket));
    let _daemon = Process::spawn("nix-daemon", daemon);
    let begun = std::time::Instant::now();
    while !socket.exists() {
        assert!(begun.elapsed() < PATIENCE, "nix-daemon does not listen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut command = snowbank_testkit::tools::command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "nix-store", "--realise"]);
    machine.settle(command.arg(made.top()));
    good(&command.env("NIX_REMOTE", format!("unix://{}", socket.display())).output().unwrap());
    assert_eq!(requisites(store.path(), made.top()), made.paths());
}

#[test]
fn nix_believes_what_the_cache_has_signed_and_builds_nothing() {
    let Some(project) = builds::project() else { return };
    let server = Server::start(CACHES);
    let (machine, first, second) = (Machine::new(), empty(), empty());
    let mut command = builds::build(project.path(), first.path(), "1");
    command.arg("--no-out-link").env("NIX_CONFIG", builds::ALONE).current_dir(project.path());
    let output = command.output().unwrap();
    good(&output);
    let top = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    good(&push(first.path(), &server.url("open"), Some(&server.netrc(&server.token("open:push"))), &[&top]));
    good(&machine.used(&[&server.url("open")], None));
    let mut command = builds::build(project.path(), second.path(), "1");
    machine.settle(command.arg("--no-out-link").current_dir(project.path()));
    let output = command.output().unwrap();
    good(&output);
    assert!(builds::built(&said(&output)).is_empty(), "{}", said(&output));
}

#[test]
fn what_would_be_written_is_printed_in_four_forms() {
    let server = Server::start(CACHES);
    let (machine, token) = (Machine::bare(), server.token("team:pull"));
    let print = |cache: &str, form: &[&str]| {
        let output = machine.used(&[&[server.url(cache).as_str(), "--print"], form].concat(), Some(&token));
        good(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let (url, key) = (server.url("open"), server.public_key("open", ""));
    let plain = format!(
        "extra-substituters = {url}\nextra-trusted-public-keys = {key}\nfallback = true\nconnect-timeout = 5\n"
    );
    let module = |extra: &str| {
        format!(
            "{{\n  nix.settings = {{\n    {extra}substituters = [ \"{url}\" ];\n    \
             {extra}trusted-public-keys = [ \"{key}\" ];\n    fallback = true;\n    connect-timeout = 5;\n  }};\n}}\n"
        )
    };
    assert_eq!(print("open", &[]), plain);
    assert_eq!(print("open", &["nix-conf"]), plain);
    assert_eq!(print("open", &["nixos"]), module(""));
    assert_eq!(print("open", &["nix-darwin"]), module(""));
    let home = print("open", &["home-manager"]);
    assert!(home.starts_with("# ") && home.ends_with(&module("extra-")), "{home}");
    for form in ["nixos", "nix-darwin", "home-manager"] {
        let mut command = snowbank_testkit::tools::command("nix-instantiate");
        command.args(["--parse", "-E", &print("team", &[form])]).env("NIX_STORE_DIR", machine.at("store"));
        good(&command.env("NIX_STATE_DIR", machine.at("state")).output().unwrap());
    }
    assert!(print("team", &["nixos"]).contains("machine 127.0.0.1 login snowbank password TOKEN"));
    assert!(!machine.conf().exists() && !machine.netrc().exists());
}

#[test]
fn a_token_is_sent_to_no_other_machine_unencrypted() {
    let machine = Machine::bare();
    // Names and addresses that lead nowhere: had it asked, it would say so.
    for host in ["192.0.2.1", "cache.invalid", "127.0.0.1.invalid"] {
        let output = machine.used(&[&format!("http://{host}/nix/team")], Some("hidden"));
        failed(&output, 2, &["not sent to another machine over http", "https"]);
    }
    let output = machine.used(&["https://me:hidden@cache.invalid/nix/team"], None);
    failed(&output, 2, &["holds a login", "SNOWBANK_TOKEN"]);
    assert!(!said(&output).contains("hidden"));
    assert!(!machine.conf().exists() && !machine.netrc().exists());
}

#[test]
fn what_cannot_be_is_told_and_nothing_is_written() {
    let mut server = Server::start(CACHES);
    let (machine, url) = (Machine::bare(), server.url("open"));
    let root = server.snowbank.url().to_owned();
    failed(&machine.used(&[&format!("{root}/team")], None), 2, &["http://HOST/nix/NAME"]);
    let reader = server.token("open:pull");
    failed(&machine.used(&[&format!("{root}/nix/opne")], Some(&reader)), 1, &["404", "is the name right?"]);
    failed(&machine.used(&[&url], Some("two words")), 2, &["the token is not valid"]);
    server.snowbank.kill();
    failed(&machine.used(&[&url], None), 1, &["is its server running"]);
    assert!(!machine.conf().exists() && !machine.netrc().exists());
}

#[test]
fn files_that_are_not_for_writing_stay_as_they_are() {
    let server = Server::start(CACHES);
    let (machine, url) = (Machine::new(), server.url("open"));
    fs::set_permissions(machine.conf(), fs::Permissions::from_mode(0o444)).unwrap();
    failed(&machine.used(&[&url], None), 1, &["is read-only", "--conf", "--print"]);
    let target = machine.at("target");
    fs::rename(machine.conf(), &target).unwrap();
    symlink(&target, machine.conf()).unwrap();
    failed(&machine.used(&[&url], None), 1, &["is a link to", "--conf"]);
    assert_eq!(fs::read_to_string(&target).unwrap(), "# mine\nsubstituters =\n");
    // As NixOS has it.
    fs::remove_file(machine.conf()).unwrap();
    symlink("/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-nix.conf", machine.conf()).unwrap();
    failed(&machine.used(&[&url], None), 1, &["is a link to /nix/store/", "--print"]);
    let token = server.token("open:pull");
    failed(&machine.used(&[&url], Some(&token)), 1, &["is a link to"]);
    assert!(!machine.netrc().exists(), "nothing was begun");
}

#[test]
fn settings_that_others_take_back_are_noticed() {
    let server = Server::start(CACHES);
    let (machine, url) = (Machine::bare(), server.url("open"));
    good(&machine.used(&[&url], None));
    fs::write(machine.conf(), machine.text() + "substituters = https://cache.nixos.org\n").unwrap();
    failed(&machine.used(&[&url], None), 1, &["Nix does not have the settings", "extra-substituters"]);
    // A file that this machine does not read is only written.
    let image = machine.at("image/nix.conf");
    let output = machine.used(&[&url, "--conf", image.to_str().unwrap()], None);
    good(&output);
    assert_eq!(fs::read_to_string(image).unwrap(), block(&server, "open", ""));
}

#[test]
fn a_user_whom_the_daemon_does_not_trust_is_told_so() {
    if !is_root() {
        return;
    }
    let server = Server::start(CACHES);
    let (machine, store, token) = (Machine::bare(), empty(), server.token("team:pull"));
    let daemon = NixDaemon::before(store.path(), "root");
    fs::set_permissions(machine.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["home", "home/.config", "home/.config/nix"] {
        chown(machine.at(name), Some(65534), Some(65534)).unwrap();
    }
    // Everybody can read it there.
    let program = machine.at("snowbank");
    // By a process of its own: what this one has open for writing, a child of another test may hold while it is to run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_snowbank")).arg(&program).status().unwrap();
    assert!(copied.success());
    let used = |cache: &str, options: &[&str]| {
        let mut command = snowbank_testkit::tools::command("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program).arg("use");
        machine.settle(command.arg(server.url(cache)).args(options).env("SNOWBANK_TOKEN", &token));
        let socket = store.path().join("nix/var/nix/daemon-socket/socket");
        command.env("NIX_DAEMON_SOCKET_PATH", socket).output().unwrap()
    };
    let output = used("team", &[]);
    good(&output);
    for word in [
        "warning: Nix gets to the cache where",
        "builds will pass it over",
        "trusted-users",
        "sudo snowbank use",
    ] {
        assert!(said(&output).contains(word), "no `{word}` in:\n{}", said(&output));
    }
    // The machine's own is not for this user to write, so Nix is told of another.
    let (conf, netrc) = (machine.at("home/.config/nix/nix.conf"), machine.at("home/.config/nix/netrc"));
    let text = fs::read_to_string(&conf).unwrap();
    assert!(text.contains(&format!("\nnetrc-file = {}\n", netrc.display())), "{text}");
    // What it prints is what it writes.
    let printed = String::from_utf8(used("team", &["--print"]).stdout).unwrap();
    let (login, lines) = printed.split_once("TOKEN\n").unwrap();
    assert!(login.contains(&netrc.display().to_string()) && text.contains(lines), "{printed}{text}");
    assert!(fs::read_to_string(&netrc).unwrap().contains(&token));
    assert_eq!(fs::metadata(&netrc).unwrap().permissions().mode() & 0o777, 0o600);
    // Daemons before Nix 2.15 do not say whom they trust; the settings do.
    drop(daemon);
    fs::remove_file(store.path().join("nix/var/nix/daemon-socket/socket")).unwrap();
    let _daemon = NixDaemon::before(store.path(), "root nobody");
    fs::write(machine.at("etc/nix.conf"), "trusted-users = root nobody\n").unwrap();
    let output = used("team", &[]);
    good(&output);
    assert!(!said(&output).contains("warning"), "{}", said(&output));
    assert_eq!(fs::read_to_string(&conf).unwrap(), text);
}

#[test]
fn determinate_nix_is_told_in_the_file_that_it_leaves_alone() {
    let server = Server::start(CACHES);
    let machine = Machine::bare();
    if machine.conf() != machine.at("etc/nix.conf") {
        return;
    }
    fs::write(machine.conf(), "# made anew at each start\n!include nix.custom.conf\n").unwrap();
    good(&machine.used(&[&server.url("open")], None));
    assert_eq!(fs::read_to_string(machine.at("etc/nix.custom.conf")).unwrap(), block(&server, "open", ""));
}
