//! As much of HTTP/1.1 as the npm client and curl speak: one thread a connection, blocking, kept alive.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::TcpStream,
};

use crate::invalid;

/// One connection's buffer, for headers and for pieces of a body.
const BUFFER: usize = 256 << 10;

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer was read from the stream and not used.
    filled: std::ops::Range<usize>,
}

/// The head of a request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    query: String,
    body_length: u64,
}

impl Request {
    /// A parameter of the query, as it was written.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], filled: 0..0 })
    }

    /// The next request's head; `None` when the client has closed.
    pub(crate) fn next_request(&mut self) -> io::Result<Option<Request>> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Request::new(&mut headers);
            let parsed = head.parse(&self.buffer[self.filled.clone()]).map_err(invalid)?;
            if let httparse::Status::Complete(length) = parsed {
                let target = head.path.unwrap_or("/");
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let body_length = head
                    .headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                    .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
                    .unwrap_or(0);
                let request = Request {
                    method: head.method.unwrap_or_default().to_owned(),
                    path: path.to_owned(),
                    query: query.to_owned(),
                    body_length,
                };
                self.filled.start += length;
                return Ok(Some(request));
            }
            let read = self.stream.read(&mut self.buffer[self.filled.end..])?;
            if read == 0 {
                return Ok(None);
            }
            self.filled.end += read;
        }
    }

    /// Hands the body of `request` to `take`, piece by piece as it arrives.
    pub(crate) fn stream_body(
        &mut self,
        request: &Request,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut left = request.body_length;
        while left > 0 {
            if self.filled.is_empty() {
                self.filled = 0..self.stream.read(&mut self.buffer)?;
                if self.filled.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let length = self.filled.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            take(&self.buffer[self.filled.start..self.filled.start + length])?;
            self.filled.start += length;
            left -= length as u64;
        }
        Ok(())
    }

    /// The whole body, for the small ones.
    pub(crate) fn read_body(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        if request.body_length > 8 << 20 {
            return Err(invalid("a message of more than 8 MiB"));
        }
        let mut body = Vec::new();
        self.stream_body(request, |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(body)
    }

    /// Answers with a JSON body.
    pub(crate) fn reply(&mut self, status: u16, body: &str) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status} \r\ncontent-type: application/json\r\nx-ms-request-id: 1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
    }

    /// Answers with a file's content; `io::copy` is `sendfile` here.
    pub(crate) fn send_file(&mut self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let head = format!(
            "HTTP/1.1 200 \r\ncontent-type: application/octet-stream\r\netag: \"flat\"\r\ncontent-length: {length}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes())?;
        io::copy(&mut &*file, &mut self.stream)?;
        Ok(())
    }
}
