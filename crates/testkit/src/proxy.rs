//! A TCP proxy that breaks and slows connections the way networks do.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, duplex},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use crate::line;

/// Bytes that are passed on at once where nothing throttles.
const PART: usize = 64 << 10;

/// What happens to the bytes of one direction of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fault {
    /// The connection is closed, both ways, after so many bytes of this direction.
    pub cut_after: Option<u64>,
    /// Nothing is passed on before so much time has gone.
    pub delay: Duration,
    /// At most so many bytes a second are passed on.
    pub bytes_per_second: Option<u32>,
    /// Every byte is passed on so long after it came, as by a long way: it costs no throughput (below 16 MiB a latency).
    pub latency: Duration,
}

/// The faults of both directions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// From the client to the server.
    pub up: Fault,
    /// From the server to the client.
    pub down: Fault,
}

impl Faults {
    /// A way on which a question and its answer take `round_trip`, and the making of a connection once as long.
    #[must_use]
    pub fn far(round_trip: Duration) -> Self {
        let way = Fault { latency: round_trip / 2, ..Fault::default() };
        Self { up: way, down: way }
    }
}

/// A proxy before one server; it ends with this value, and its connections with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Mutex<Faults>>,
    server: Arc<Mutex<SocketAddr>>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Listens on a free port and passes connections on to `server`, faultless at first.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let faults = Arc::new(Mutex::new(Faults::default()));
        let server = Arc::new(Mutex::new(server));
        let (current, behind) = (Arc::clone(&faults), Arc::clone(&server));
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let faults = *current.lock().unwrap_or_else(PoisonError::into_inner);
                let server = *behind.lock().unwrap_or_else(PoisonError::into_inner);
                connections.spawn(pass(client, server, faults));
            }
        });
        Self { address, faults, server, accepting: accepting.abort_handle() }
    }

    /// `http://127.0.0.1:PORT` of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Passes connections that are made from now on on to another server, such as the same one started anew.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Sets what happens to connections made from now on.
    pub fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, server: SocketAddr, faults: Faults) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    for stream in [&client, &server] {
        // Only speed is lost without it.
        let _ = stream.set_nodelay(true);
    }
    // The client thinks that it is connected when it has reached the proxy: what is left of the handshake is made up
    // for before its first byte arrives.
    let opened = Instant::now() + faults.up.latency + faults.down.latency;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = carry(from_client, to_server, faults.up, opened);
    let down = carry(from_server, to_client, faults.down, opened);
    tokio::pin!(up, down);
    // The first cut ends both directions; a plain end of one lets the other finish.
    tokio::select! {
        cut = &mut up => if !cut { down.await; },
        cut = &mut down => if !cut { up.await; },
    }
}

/// Passes bytes on until the end (false) or the cut (true), over a line if the way is long.
async fn carry(from: OwnedReadHalf, to: OwnedWriteHalf, fault: Fault, opened: Instant) -> bool {
    if fault.latency.is_zero() {
        return copy(from, to, fault).await;
    }
    let (end, out) = duplex(PART);
    let line = line::pass(from, end, fault.latency, opened);
    let copy = copy(out, to, fault);
    tokio::pin!(line, copy);
    tokio::select! {
        () = &mut line => copy.await,
        cut = &mut copy => cut,
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: OwnedWriteHalf, fault: Fault) -> bool {
    let start = Instant::now() + fault.delay;
    sleep_until(start).await;
    let mut passed = 0_u64;
    // A throttled stream stays smooth.
    let mut buffer =
        vec![0; fault.bytes_per_second.map_or(PART, |rate| (rate as usize / 20).clamp(1, 16384))];
    loop {
        let room = fault.cut_after.map_or(u64::MAX, |limit| limit - passed);
        if room == 0 {
            return true;
        }
        let length = buffer.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        match from.read(&mut buffer[..length]).await {
            Ok(0) => {
                let _ = to.shutdown().await;
                return false;
            }
            Ok(read) => {
                if to.write_all(&buffer[..read]).await.is_err() {
                    return true;
                }
                passed += read as u64;
            }
            Err(_) => return true,
        }
        if let Some(rate) = fault.bytes_per_second {
            sleep_until(start + Duration::from_secs_f64(passed as f64 / f64::from(rate))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every connection with the bytes it read.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn send(proxy: &Proxy, bytes: usize) -> Vec<u8> {
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut back = Vec::new();
        let content = vec![7; bytes];
        let (_, _) = tokio::join!(
            async {
                let _ = to.write_all(&content).await;
                let _ = to.shutdown().await;
            },
            from.read_to_end(&mut back)
        );
        back
    }

    #[tokio::test]
    async fn without_faults_everything_arrives() {
        let proxy = Proxy::before(echo().await).await;
        assert_eq!(send(&proxy, 1_000_000).await, vec![7; 1_000_000]);
    }

    #[tokio::test]
    async fn a_cut_comes_at_its_byte() {
        let proxy = Proxy::before(echo().await).await;
        proxy
            .set(Faults { down: Fault { cut_after: Some(12_345), ..Fault::default() }, ..Faults::default() });
        assert_eq!(send(&proxy, 1_000_000).await.len(), 12_345);
        proxy.set(Faults { up: Fault { cut_after: Some(0), ..Fault::default() }, ..Faults::default() });
        assert_eq!(send(&proxy, 10).await.len(), 0);
        proxy.set(Faults::default());
        assert_eq!(send(&proxy, 10).await.len(), 10);
    }

    #[tokio::test]
    async fn throttle_and_delay_take_their_time() {
        let proxy = Proxy::before(echo().await).await;
        let up = Fault { bytes_per_second: Some(20_000), ..Fault::default() };
        let down = Fault { delay: Duration::from_millis(50), ..Fault::default() };
        proxy.set(Faults { up, down });
        let start = Instant::now();
        assert_eq!(send(&proxy, 10_000).await.len(), 10_000);
        assert!(start.elapsed() > Duration::from_millis(400), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_long_way_takes_its_time_and_loses_nothing() {
        let proxy = Proxy::before(echo().await).await;
        let round_trip = Duration::from_millis(60);
        proxy.set(Faults::far(round_trip));
        let start = Instant::now();
        assert_eq!(send(&proxy, 1_000_000).await, vec![7; 1_000_000]);
        // One for the connection, one for the bytes.
        assert!(start.elapsed() >= 2 * round_trip, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_long_way_is_cut_at_its_byte() {
        let proxy = Proxy::before(echo().await).await;
        let Faults { up, down } = Faults::far(Duration::from_millis(10));
        proxy.set(Faults { up, down: Fault { cut_after: Some(12_345), ..down } });
        assert_eq!(send(&proxy, 1_000_000).await.len(), 12_345);
    }
}
