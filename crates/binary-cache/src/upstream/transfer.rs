//! The transfer of one NAR: a task that receives, and a thread that decompresses and checks.

use std::{io, sync::Arc};

use snowbank_nix::nar_info::NarInfo;
use tokio::sync::mpsc;

use super::{
    Failure, Fetched, UpstreamError,
    download::Download,
    pipe::{Piece, pipe},
    receive::{Received, Source, Trouble, receive},
    site::Site,
    thread::on_thread,
};

/// What became of a transfer.
pub(super) enum Transfer<F> {
    /// The whole NAR was handed on.
    Done(Fetched),
    /// Why not, unless it was only not there; and the sink, if it got nothing yet.
    Failed(Option<UpstreamError>, Option<F>),
}

/// Hands the NAR of which `site` told to `sink`.
pub(super) async fn transfer<F>(site: &Site, found: NarInfo, sink: F) -> Transfer<F>
where
    F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
{
    let (path, what) = (found.info.path.clone(), found.info.path.to_string());
    let begun = match begin(site, &found, &what).await {
        Ok(Some(begun)) => begun,
        Ok(None) => return Transfer::Failed(None, Some(sink)),
        Err(error) => return Transfer::Failed(Some(error), Some(sink)),
    };
    let waiting = Arc::new(());
    let alive = Arc::downgrade(&waiting);
    let (source, feed) = begun;
    let receiving = on_thread(move || receive(source, &found, &alive, sink));
    let (passed, bytes, received) = match feed {
        Feed::File { bytes } => (Ok(()), bytes, receiving.await),
        Feed::Server(mut download, sender) => {
            let (passed, received) = tokio::join!(download.pass(sender), receiving);
            (passed, download.received(), received)
        }
    };
    let Received { sink, handed, result } = received;
    let host = site.name();
    let error = match (passed, result) {
        (Ok(()), Ok(())) => return Transfer::Done(Fetched { received: bytes, from: host }),
        // What the thread says then is only that it got no end.
        (Err(failure), _) => site.lost(&what, failure),
        (Ok(()), Err(Trouble::Sink(source))) => UpstreamError::Sink { path, source },
        (Ok(()), Err(Trouble::Content(source))) => UpstreamError::Content { host, path, source },
    };
    Transfer::Failed(Some(error), (handed == 0).then_some(sink))
}

/// What feeds the thread.
enum Feed<'a> {
    File { bytes: u64 },
    Server(Box<Download<'a>>, mpsc::Sender<Piece>),
}

/// Opens the NAR; `None` when it is not there although the cache told of it.
async fn begin<'a>(
    site: &'a Site,
    found: &NarInfo,
    what: &str,
) -> Result<Option<(Source, Feed<'a>)>, UpstreamError> {
    site.alive(what)?;
    let url = site.nar(found)?;
    let lost = |failure: Failure| site.lost(what, failure);
    if let Some(file) = site.open(&url).await {
        let Some(file) = file.map_err(lost)? else { return Ok(None) };
        let bytes = file.metadata().map_err(|error| lost(Failure::File(error)))?.len();
        return Ok(Some((Source::File(file), Feed::File { bytes })));
    }
    let Some(download) = Download::open(site, url).await.map_err(lost)? else { return Ok(None) };
    let (sender, reader) = pipe();
    let source = Source::Pipe { reader, encoding: download.encoding() };
    Ok(Some((source, Feed::Server(Box::new(download), sender))))
}
