//! The helper's side: it writes what it is given, and leaves when nobody is there any more.

use std::io::{self, BufReader, BufWriter};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Place, Realisation};
use snowbank_nix::store_path::StorePath;

use super::super::{NarSink, RootWriter, SinkError, Writer, WriterError};
use super::wire::{self, Answer, Ask, Failure, Frame, Info, MAX_DATA};

/// Writes to the store at `place` what the process that listens at `socket` asks for. Knows nothing of caches and
/// tokens. When the other side is gone, what was not committed is removed.
///
/// # Errors
/// When nobody listens there, or what comes from there cannot be understood.
pub fn serve_helper(socket: &Path, place: Place) -> io::Result<()> {
    let mut first = Connection::open(socket)?;
    let writer = match RootWriter::open(place) {
        Ok(writer) => writer,
        Err(error) => {
            let why = crate::text::chain(&error);
            return first.answer(&Answer::Failed { what: Failure::Store, why });
        }
    };
    first.answer(&Answer::Done)?;
    thread::scope(|scope| {
        loop {
            let asked = match first.next()? {
                Frame::End => return Ok(()),
                Frame::Data(_) => return Err(wire::invalid("data where none is expected")),
                Frame::Message(asked) => asked,
            };
            if asked == Ask::Connect {
                let connection = Connection::open(socket)?;
                let writer = &writer;
                // Who is at the other end is told before, or has gone.
                scope.spawn(move || drop(lane(writer, connection)));
            }
            let answer = answer(&writer, asked)?;
            first.answer(&answer)?;
        }
    })
}

fn answer(writer: &RootWriter, asked: Ask) -> io::Result<Answer> {
    let done = |done: Result<(), WriterError>| done.map_or_else(Answer::from, |()| Answer::Done);
    Ok(match asked {
        Ask::Connect => Answer::Done,
        Ask::Keep(paths) => match writer.keep(&wire::paths(&paths)?) {
            Ok(valid) => Answer::Valid(wire::texts(&valid)),
            Err(error) => error.into(),
        },
        Ask::AtOnce(wanted) => Answer::Count(writer.at_once(wanted)),
        Ask::Claim(paths) => writer.claim(&wire::paths(&paths)?).map_or_else(Answer::from, Answer::from),
        Ask::Commit(infos) => {
            let infos: Vec<PathInfo> = infos.iter().map(PathInfo::try_from).collect::<io::Result<_>>()?;
            match writer.commit(&infos.iter().collect::<Vec<_>>()) {
                Ok(refused) => {
                    Answer::Refused(refused.into_iter().map(|(path, why)| (path.to_string(), why)).collect())
                }
                Err(error) => error.into(),
            }
        }
        Ask::Discard(path) => {
            writer.discard(&wire::parse::<StorePath>(&path)?);
            Answer::Done
        }
        Ask::Realise(realised) => {
            let all: Vec<_> = realised.iter().map(Realisation::try_from).collect::<io::Result<_>>()?;
            done(writer.realise(&all))
        }
        Ask::Begin(_) | Ask::Finish => return Err(wire::invalid("a path where none is expected")),
    })
}

/// Writes one NAR after the other. What cannot be written ends the connection, so that no more of it comes.
fn lane(writer: &RootWriter, mut connection: Connection) -> io::Result<()> {
    loop {
        let info = match connection.next()? {
            Frame::Message(Ask::Begin(info)) => info,
            Frame::End => return Ok(()),
            _ => return Err(wire::invalid("no path")),
        };
        match path(writer, &mut connection, &info)? {
            Ok(()) => connection.answer(&Answer::Done)?,
            Err(answer) => return connection.answer(&answer),
        }
    }
}

fn path(writer: &RootWriter, connection: &mut Connection, info: &Info) -> io::Result<Result<(), Answer>> {
    let mut sink = match writer.begin(&info.try_into()?) {
        Ok(sink) => sink,
        // Another path may well be written.
        Err(error) => return Ok(Err(SinkError::Path(error.0).into())),
    };
    loop {
        match connection.next()? {
            Frame::Data(length) => {
                if let Err(error) = sink.write(&connection.buffer[..length]) {
                    return Ok(Err(error.into()));
                }
            }
            Frame::Message(Ask::Finish) => return Ok(sink.finish().map_err(Answer::from)),
            Frame::Message(_) => return Err(wire::invalid("no end of a path")),
            // It was given up; what was made of it goes with the sink.
            Frame::End => return Ok(Err(Answer::Done)),
        }
    }
}

struct Connection {
    from: BufReader<UnixStream>,
    to: BufWriter<UnixStream>,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        Ok(Self {
            from: BufReader::with_capacity(64 << 10, stream.try_clone()?),
            to: BufWriter::new(stream),
            buffer: vec![0; MAX_DATA],
        })
    }

    fn next(&mut self) -> io::Result<Frame<Ask>> {
        wire::read(&mut self.from, &mut self.buffer)
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        wire::write_message(&mut self.to, answer)
    }
}
