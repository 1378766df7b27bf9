//! What the daemon says before a result: log messages, and in the end success or an error (Nix's `processStderr`).

use std::io::Read;

use super::{
    DaemonError, MAX_FIELDS, MAX_TEXT, MAX_WORD,
    error::{Refusal, plain},
    wire::Wire,
};

const NEXT: u64 = 0x6f6c_6d67;
const READ: u64 = 0x6461_7461;
const WRITE: u64 = 0x6461_7416;
const LAST: u64 = 0x616c_7473;
pub(super) const ERROR: u64 = 0x6378_7470;
const START_ACTIVITY: u64 = 0x5354_5254;
const STOP_ACTIVITY: u64 = 0x5354_4f50;
const RESULT: u64 = 0x5253_4c54;

/// Reads up to success, or to the daemon's error.
pub(super) fn wait<S: Read>(wire: &mut Wire<S>) -> Result<(), DaemonError> {
    while !step(wire)? {}
    Ok(())
}

/// Reads one message; true for success, which is the last.
pub(super) fn step<S: Read>(wire: &mut Wire<S>) -> Result<bool, DaemonError> {
    match wire.number()? {
        LAST => return Ok(true),
        ERROR => return Err(error(wire)?),
        NEXT => drop(wire.bytes("a log message", MAX_TEXT)?),
        START_ACTIVITY => {
            for _ in ["number", "level", "kind"] {
                wire.number()?;
            }
            wire.bytes("the name of an activity", MAX_TEXT)?;
            fields(wire)?;
            wire.number()?;
        }
        STOP_ACTIVITY => drop(wire.number()?),
        RESULT => {
            for _ in ["number", "kind"] {
                wire.number()?;
            }
            fields(wire)?;
        }
        READ | WRITE => {
            return Err(DaemonError::Protocol("data, or a question for data, where none belongs"));
        }
        _ => return Err(DaemonError::Protocol("an unknown kind of message")),
    }
    Ok(false)
}

fn fields<S: Read>(wire: &mut Wire<S>) -> Result<(), DaemonError> {
    for _ in 0..wire.count("a log message's fields", MAX_FIELDS)? {
        match wire.number()? {
            0 => drop(wire.number()?),
            1 => drop(wire.bytes("a field of a log message", MAX_TEXT)?),
            _ => return Err(DaemonError::Protocol("an unknown kind of field")),
        }
    }
    Ok(())
}

/// The error whose mark was just read, in its form since protocol 1.26.
pub(super) fn error<S: Read>(wire: &mut Wire<S>) -> Result<DaemonError, DaemonError> {
    wire.bytes("the kind of an error", MAX_WORD)?;
    wire.number()?;
    wire.bytes("the name of an error", MAX_WORD)?;
    let message = plain(&wire.bytes("an error", MAX_TEXT)?);
    position(wire)?;
    let mut context = Vec::new();
    // All together they are no longer than one may be.
    let mut left = MAX_TEXT;
    for _ in 0..wire.count("an error's context", MAX_FIELDS)? {
        position(wire)?;
        let line = wire.bytes("a line of an error's context", left)?;
        left -= line.len();
        context.push(plain(&line));
    }
    Ok(DaemonError::Refused(Refusal { message, context }))
}

/// A place in a source file, which no daemon ever sends.
fn position<S: Read>(wire: &mut Wire<S>) -> Result<(), DaemonError> {
    match wire.number()? {
        0 => Ok(()),
        _ => Err(DaemonError::Protocol("an error with a place in a source file")),
    }
}
