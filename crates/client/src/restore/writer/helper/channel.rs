//! A connection to the helper.

use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;
use std::time::{Duration, Instant};

use super::error::{HelperError, gone};
use super::wire::{self, Answer, Ask, Frame};

/// How long the helper may take to come.
const START: Duration = Duration::from_secs(20);

/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// Bytes that are gathered before they go to the helper.
const GATHERED: usize = 128 << 10;

pub(super) struct Channel {
    from: BufReader<UnixStream>,
    pub(super) to: BufWriter<UnixStream>,
}

impl Channel {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        let to = BufWriter::with_capacity(GATHERED, stream.try_clone()?);
        Ok(Self { from: BufReader::new(stream), to })
    }

    pub(super) fn ask(&mut self, asked: &Ask) -> Result<Answer, HelperError> {
        wire::write_message(&mut self.to, asked).map_err(gone)?;
        self.answer()
    }

    pub(super) fn answer(&mut self) -> Result<Answer, HelperError> {
        match wire::read(&mut self.from, &mut []).map_err(gone)? {
            Frame::Message(answer) => Ok(answer),
            Frame::Data(_) => Err(HelperError::Confused),
            Frame::End => Err(gone(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Waits for the helper to connect, or to end.
pub(super) fn accept(listener: &UnixListener, child: &mut Child) -> Result<Channel, HelperError> {
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Channel::new(stream).map_err(HelperError::Start),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(HelperError::Start(error)),
        }
        if let Some(status) = child.try_wait().map_err(HelperError::Start)? {
            let mut said = String::new();
            if let Some(stderr) = child.stderr.take() {
                let _ = stderr.take(4096).read_to_string(&mut said);
            }
            let said = said.trim();
            return Err(HelperError::Absent(if said.is_empty() {
                status.to_string()
            } else {
                said.to_owned()
            }));
        }
        if begun.elapsed() > START {
            return Err(HelperError::Absent(format!("not in {} seconds", START.as_secs())));
        }
        std::thread::sleep(LOOK);
    }
}
