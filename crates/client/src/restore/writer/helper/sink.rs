//! A NAR on its way to the helper.

use std::io;
use std::sync::{Arc, Mutex};

use super::super::{NarSink, SinkError};
use super::channel::Channel;
use super::error::HelperError;
use super::lock;
use super::wire::{self, Answer, Ask, Failure};

/// A NAR on its way to the helper. Dropped, it ends the connection, and with it what was made of the path.
pub struct HelperSink {
    channel: Channel,
    idle: Arc<Mutex<Vec<Channel>>>,
}

impl HelperSink {
    pub(super) const fn new(channel: Channel, idle: Arc<Mutex<Vec<Channel>>>) -> Self {
        Self { channel, idle }
    }

    /// Why no more is taken: the helper says so before it ends the connection.
    fn why(&mut self, error: io::Error) -> SinkError {
        match self.channel.answer() {
            Ok(Answer::Failed { what, why }) => failed(what, why),
            _ => SinkError::Store(Box::new(HelperError::Gone(error))),
        }
    }
}

impl NarSink for HelperSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        wire::write_data(&mut self.channel.to, bytes).map_err(|error| self.why(error))
    }

    fn finish(mut self) -> Result<(), SinkError> {
        if let Err(error) = wire::write_message(&mut self.channel.to, &Ask::Finish) {
            return Err(self.why(error));
        }
        match self.channel.answer() {
            Ok(Answer::Done) => {
                lock(&self.idle).push(self.channel);
                Ok(())
            }
            Ok(Answer::Failed { what, why }) => Err(failed(what, why)),
            Ok(_) => Err(SinkError::Store(Box::new(HelperError::Confused))),
            Err(error) => Err(SinkError::Store(Box::new(error))),
        }
    }
}

fn failed(what: Failure, why: String) -> SinkError {
    match what {
        Failure::Content => SinkError::Content(why.into()),
        Failure::Path => SinkError::Path(why.into()),
        Failure::Store => SinkError::Store(why.into()),
    }
}
