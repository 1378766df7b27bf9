//! Clients that ask the same again and again, each over a connection of its own.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::Instant,
};

/// How many ask at once.
const CLIENTS: usize = 16;

/// Milliseconds of each answer that `times` requests of each client got, sorted. `is_right` looks at the answer.
///
/// # Panics
/// On an answer that is not right.
pub(crate) fn ask(address: &str, request: &str, times: usize, is_right: fn(&str) -> bool) -> Vec<f64> {
    let mut all: Vec<f64> = thread::scope(|scope| {
        let client = || one(address, request.as_bytes(), times, is_right);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let ended = clients.into_iter().map(|client| client.join().expect("a client ends"));
        ended.flat_map(|times| times.expect("requests are answered")).collect()
    });
    all.sort_by(f64::total_cmp);
    all
}

/// The answer to one request.
///
/// # Panics
/// Where there is none.
pub(crate) fn once(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = Vec::new();
    read_answer(&mut stream, &mut answer).expect("the server answers");
    String::from_utf8_lossy(&answer).into_owned()
}

fn one(address: &str, request: &[u8], times: usize, is_right: fn(&str) -> bool) -> io::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::new();
    (0..times)
        .map(|_| {
            let start = Instant::now();
            stream.write_all(request)?;
            read_answer(&mut stream, &mut answer)?;
            let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
            let text = String::from_utf8_lossy(&answer);
            if is_right(&text) {
                Ok(milliseconds)
            } else {
                Err(io::Error::other(format!("not the answer that was expected: {text}")))
            }
        })
        .collect()
}

/// Reads one answer, head and body.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    answer.clear();
    let mut piece = [0; 64 << 10];
    let mut whole = None;
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&piece[..read]);
        if whole.is_none() {
            whole = length(answer);
        }
        if whole.is_some_and(|whole| answer.len() >= whole) {
            return Ok(());
        }
    }
}

/// How long an answer is of which at least the head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let body =
        text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Some(head + 4 + body?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_length_is_known_once_its_head_is_there() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"), None);
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), Some(41));
    }
}
