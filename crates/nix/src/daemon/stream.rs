//! What a daemon is spoken with over.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    net::SendFlags,
};

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// So many bytes were written, at least one.
    Written(usize),
    /// None was written: there is something to read, or the other side is gone.
    Incoming,
}

/// A connection in both directions.
///
/// While much is sent the daemon may say something, and it does not read on until that is read; hence
/// [`offer`](Self::offer).
pub trait Stream: Read + Write {
    /// Writes some of `bytes`, which are not empty, or says that there is something to read, whichever can be had first.
    ///
    /// # Errors
    /// When the connection fails, or neither can be had in time.
    fn offer(&mut self, bytes: &[u8]) -> io::Result<Offered>;
}

impl Stream for UnixStream {
    fn offer(&mut self, bytes: &[u8]) -> io::Result<Offered> {
        let timeout = self.write_timeout()?.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        loop {
            let mut polled = [PollFd::new(self, PollFlags::IN | PollFlags::OUT)];
            match rustix::event::poll(&mut polled, timeout.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if polled[0].revents().intersects(PollFlags::IN | PollFlags::HUP) {
                return Ok(Offered::Incoming);
            }
            match rustix::net::send(&*self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(written) => return Ok(Offered::Written(written)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
