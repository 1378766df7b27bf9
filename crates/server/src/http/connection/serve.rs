//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Ends;
use super::stall::WriteStall;
use crate::http::monitoring::monitoring;
use crate::http::router;
use crate::service::Service;

/// A connection on which no request begins, or none has all its headers, for so long is closed. Clients keep one
/// between the reservation and the finalize of a save and do not take kindly to losing it.
const HEADERS: Duration = Duration::from_secs(120);
/// Bytes of a request's line and headers at the most; a token may have 16 KiB.
const MAX_HEADERS: usize = 64 << 10;
/// Bytes that are read ahead for one connection at the most.
const READ_AHEAD: usize = 256 << 10;
/// After a failed accept (too many open files), so that the loop does not spin.
const BREATH: Duration = Duration::from_millis(100);

/// Connections of those who watch, served at once; a further one waits.
const WATCHERS: usize = 16;

/// Serves until `stop`, then lets running requests finish within the configured time.
pub async fn serve(listener: TcpListener, service: Service, stop: CancellationToken) -> io::Result<()> {
    let most = service.settings().max_connections.clamp(1, Semaphore::MAX_PERMITS);
    let router = router(service.clone());
    accept(listener, service, router, most, stop).await
}

/// Serves metrics and health to whoever reaches `listener`, until `stop`.
pub async fn serve_monitoring(
    listener: TcpListener,
    service: Service,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = monitoring(service.clone());
    accept(listener, service, router, WATCHERS, stop).await
}

async fn accept(
    listener: TcpListener,
    service: Service,
    router: Router,
    most: usize,
    stop: CancellationToken,
) -> io::Result<()> {
    let times = &service.settings().times;
    // A reader that takes nothing holds buffers that others wait for; buildkit reads with pauses, though.
    let (write_stall, shutdown) = (times.body_idle.0 * 5, times.shutdown.0);
    let places = Arc::new(Semaphore::new(most));
    let running = GracefulShutdown::new();
    let end = CancellationToken::new();
    let _ended_with_this = end.clone().drop_guard();
    loop {
        // Nobody is taken in for whom there is no place: the system lets them wait.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Ok(place) = Arc::clone(&places).acquire_owned() => tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted.map(|accepted| (place, accepted)),
            },
        };
        let ends = accepted.and_then(|(place, (stream, peer))| {
            Ok((Ends { peer, local: stream.local_addr()? }, stream, place))
        });
        match ends {
            Ok((ends, stream, place)) => {
                // Answers are small or streamed in large parts: waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps delaying small packets");
                }
                let stream = WriteStall::new(stream, write_stall);
                let connection = converse(stream, ends, router.clone(), running.watcher());
                let (end, open) = (end.clone(), service.metrics().connection());
                tokio::spawn(async move {
                    end.run_until_cancelled(connection).await;
                    drop((place, open));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    service.stopping();
    let left = running.count();
    if tokio::time::timeout(shutdown, running.shutdown()).await.is_err() {
        tracing::warn!(connections = left, "requests that did not finish in time were cut off");
    }
    Ok(())
}

/// Answers the requests of one connection.
async fn converse(stream: WriteStall<TcpStream>, ends: Ends, router: Router, watcher: Watcher) {
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ends);
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_header_size(MAX_HEADERS)
        .max_buf_size(READ_AHEAD)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(peer = %ends.peer, %error, "a connection broke off");
    }
}
