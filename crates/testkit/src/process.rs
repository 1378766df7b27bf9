//! A child process that dies with its guard, whose output is kept for the moment when a test fails.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a peer may take to become ready. Generous: the machine may be building at the same time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running child process; killed and reaped when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    open_streams: usize,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts `command`, collecting what it prints on both streams. `name` is for messages.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::new(Output::default());
        output.lock().open_streams = 2;
        collect(child.stdout.take().expect("standard output is piped"), Arc::clone(&output));
        collect(child.stderr.take().expect("standard error is piped"), Arc::clone(&output));
        Self { name: name.to_owned(), child, output }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far, in order of arrival.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().lines.join("\n")
    }

    /// Waits until `pick` finds what it looks for in a printed line (earlier lines included).
    ///
    /// # Panics
    /// When the process closes its output or [`PATIENCE`] runs out first, with all that was printed.
    pub fn wait_for_line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.output.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| pick(line)) {
                return found;
            }
            seen = state.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                state.open_streams > 0 && !left.is_zero(),
                "{} did not print {what}; it printed:\n{}",
                self.name,
                state.lines.join("\n")
            );
            state = self.output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the process accepts connections at `address`.
    ///
    /// # Panics
    /// When it ends or [`PATIENCE`] runs out first, with all that was printed.
    pub fn wait_for_port(&mut self, address: SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{} does not listen at {address} ({ended:?}); it printed:\n{}",
                self.name,
                self.output()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the process as a power cut would, and reaps it.
    pub fn kill(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to stop (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not stop within [`PATIENCE`].
    pub fn terminate(&mut self) -> ExitStatus {
        // Fails only when it has ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "{} ignores SIGTERM:\n{}", self.name, self.output());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The most physical memory the process ever had, in bytes (`VmHWM`).
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the process has memory");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("VmHWM is a number of kB");
        kib * 1024
    }

    /// Seconds of processor time that the process has used, the kernel's work for it included.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("the process runs");
        // The fields are counted after the name, which may hold anything but ends the last parenthesis.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 =
            fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks are a number")).sum();
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port of the loopback interface, for peers that cannot choose one and say which.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a listener has an address").port()
}

fn collect(stream: impl Read + Send + 'static, output: Arc<Output>) {
    thread::spawn(move || {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            output.lock().lines.push(String::from_utf8_lossy(&line).into_owned());
            output.changed.notify_all();
        }
        output.lock().open_streams -= 1;
        output.changed.notify_all();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("sh", command)
    }

    #[test]
    fn a_line_is_found_on_either_stream() {
        let process = shell("echo one; echo port 17 >&2; sleep 60");
        assert_eq!(
            process.wait_for_line("a port", |line| line.strip_prefix("port ").map(str::to_owned)),
            "17"
        );
        assert_eq!(process.wait_for_line("one", |line| (line == "one").then_some(1)), 1);
    }

    #[test]
    #[should_panic(expected = "only this")]
    fn a_process_that_ends_early_fails_with_its_output() {
        shell("echo only this").wait_for_line("a port", |line| line.strip_prefix("port ").map(str::to_owned));
    }

    #[test]
    fn terminate_returns_the_status_and_drop_kills() {
        let mut process = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
        process.wait_for_line("ready", |line| (line == "ready").then_some(()));
        assert!(process.peak_memory() > 100_000);
        assert!((0.0..60.0).contains(&process.processor_seconds()));
        assert_eq!(process.terminate().code(), Some(3));

        let process = shell("sleep 600");
        let id = process.id();
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
