//! `snowbank run`: restore, the command, save.

use std::process::{ExitCode, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use snowbank_server::settings::Span;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::job::{Job, Lookup};
use super::lazy::{self, Host, Lazily};
use super::limits::Limits;
use super::remote::Remote;
use super::restore::{Done, Failure, How, INTERRUPTED, found_and_restored, nix_config};
use super::save::{save, tell};
use super::session::{Series, Session};
use super::stamp;
use super::table::Table;
use super::tidy::tidy;
use super::wanted::{Before, wanted};
use crate::args::client as args;
use crate::args::client::When;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: args::Run, printer: &Printer) -> Result<ExitCode> {
    let series =
        Series { key: args.key.as_deref(), prefixes: &args.restore_keys, immutable: args.what.immutable };
    let mut session = Session::new(&series, &args.service, &args.store, args.talk)?;
    let how = How::new(&session, &args.how)?;
    let checkpoint = checkpoint(&args)?;
    Limits::new(&args.what)?;
    FILES.get_or_init(|| getrlimit(Resource::Nofile).current);
    let (began, begun) = (stamp::now(), Instant::now());
    let mut table = Table::default();
    let remote = match Remote::open(&args.service).await {
        Ok(remote) => Some(remote),
        Err(error) => {
            let failure = Failure::from(error);
            table.not_restored(begun.elapsed(), &failure);
            session.outage(failure.error)?;
            None
        }
    };
    let restored = match &remote {
        Some(remote) => restore(&session, remote, &how, &mut table).await?,
        None => None,
    };
    if restored.as_ref().is_some_and(|done| done.interrupted) {
        if let Some(remote) = remote {
            remote.close().await;
        }
        return Ok(INTERRUPTED.into());
    }
    let left = stamp::of(began, restored.as_ref());
    session.prefixes.extend(stamp::prefix(&left));
    // What was restored must stay while the command runs, and while what it made is saved.
    let Done { held, lazily, .. } = restored.unwrap_or_default();
    let usage = lazily.as_ref().map(|lazily| lazily.usage.clone()).unwrap_or_default();
    let before = Before { usage, ..Before::from(&left) };
    let begun = Instant::now();
    let status = command(&args, &session, remote.as_ref(), checkpoint, &before, lazily.as_ref()).await?;
    table.command(begun.elapsed(), status);
    if let Some(lazily) = lazily {
        lazily.end().await;
    }
    let saving = match args.save {
        When::Always => true,
        When::OnSuccess => status.success(),
        When::Never => false,
    };
    if let Some(remote) = remote {
        if saving {
            store(&session, &remote, &args, &before, &mut table).await?;
        }
        table.traffic(remote.client.traffic());
        remote.close().await;
    }
    drop(held);
    Job::of_environment().summarise(&table.markdown(&session.key), &session.progress);
    if args.talk.json {
        // Standard output is the command's.
        printer.talk(table.json().to_string());
    } else {
        table.tell(&session);
    }
    Ok(code(status))
}

fn checkpoint(args: &args::Run) -> Result<Option<Duration>> {
    let Some(text) = &args.checkpoint else { return Ok(None) };
    let span: Span =
        text.parse().map_err(|error| CliError::usage("--checkpoint is not valid").because(error))?;
    if span.0 < Duration::from_secs(1) {
        return Err(CliError::usage("--checkpoint is shorter than a second"));
    }
    Ok(Some(span.0))
}

async fn restore(session: &Session, remote: &Remote, how: &How, table: &mut Table) -> Result<Option<Done>> {
    let begun = Instant::now();
    match found_and_restored(session, remote, how, false, Host::Here).await {
        Ok(done) => {
            table.restored(begun.elapsed(), &done, session);
            let lookup = done.found.as_ref().map_or(Lookup::Miss, Lookup::Found);
            Job::of_environment().looked_up(&session.key, lookup, &session.progress);
            Ok(Some(done))
        }
        Err(failure) => {
            table.not_restored(begun.elapsed(), &failure);
            Job::of_environment().looked_up(&session.key, Lookup::Outage, &session.progress);
            session.outage(failure.error).map(|()| None)
        }
    }
}

/// Runs the command; saves what is there every so often meanwhile.
async fn command(
    args: &args::Run,
    session: &Session,
    remote: Option<&Remote>,
    checkpoint: Option<Duration>,
    before: &Before,
    lazily: Option<&Lazily>,
) -> Result<ExitStatus> {
    let (program, arguments) =
        args.command.split_first().ok_or_else(|| CliError::usage("no command is named"))?;
    let shown = program.to_string_lossy().into_owned();
    let failed = || CliError::failed(format!("could not run {shown}"));
    // The terminal sends Ctrl-C to the command as well; this process goes on to save what was built.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed().because(error))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed().because(error))?;
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(lazily) = lazily {
        command.env("NIX_CONFIG", lazy::settings(&lazily.url, nix_config().as_deref()));
    }
    let mut child = spawn(&mut command).map_err(|error| failed().because(error))?;
    let mut due = checkpoint.map(tokio::time::interval);
    if let Some(due) = &mut due {
        due.tick().await;
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    loop {
        let tick = async {
            match &mut due {
                Some(due) => {
                    due.tick().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return status.map_err(|error| failed().because(error)),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => pass_on(&child),
            () = tick => if let Some(remote) = remote {
                let mut table = Table::default();
                store(session, remote, args, before, &mut table).await?;
            },
        }
    }
}

/// Starts the command with as many open files as it would have had without us: a restore may have asked for more, and
/// some programs go through them all.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let ours = getrlimit(Resource::Nofile);
    if let Some(usual) = FILES.get() {
        // It is lowered; that is always allowed.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: *usual, ..ours });
    }
    let child = command.spawn();
    let _ = setrlimit(Resource::Nofile, ours);
    child
}

/// The limit of open files that this process was started with.
static FILES: OnceLock<Option<u64>> = OnceLock::new();

fn pass_on(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It has ended by itself when this fails.
        let _ = kill_process(pid, Signal::TERM);
    }
}

async fn store(
    session: &Session,
    remote: &Remote,
    args: &args::Run,
    before: &Before,
    table: &mut Table,
) -> Result<()> {
    let begun = Instant::now();
    let what = &args.what;
    let saved = match wanted(session, what, &[], before) {
        Ok(wanted) => {
            table.built(wanted.built);
            save(session, remote, &wanted, what.keep_upstream, &Limits::new(what)?).await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(saved) => {
            tell(session, &saved);
            table.saved(begun.elapsed(), &saved);
            tidy(session, remote, &saved, table).await;
            Ok(())
        }
        Err(error) => {
            table.not_saved(begun.elapsed(), &error);
            session.outage(error)
        }
    }
}

/// The command's exit code; for a signal what a shell makes of it.
fn code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
