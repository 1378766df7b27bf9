//! What memory eight blocks take that arrive at once.

use bytes::Bytes;
use futures::future::try_join_all;
use snowbank_testkit::noise::noise;

use crate::{
    place::{Place, remove},
    report::Report,
    server::{Recoding, Server},
};

const BLOCKS: usize = 8;
const BLOCK: usize = 64 << 20;

pub(super) async fn take(place: &Place, report: &mut Report) {
    let data = place.work.join("memory");
    let server = Server::start(place, &data, Recoding::Paused);
    let client = server.wire();
    let url = client.create("blocks", "v").await.expect("a reservation");
    let block = Bytes::from(noise(BLOCK, 1));
    let ids: Vec<String> = (0..BLOCKS).map(|index| format!("YmxvY2stMDAw{index}AAA")).collect();
    let sent = try_join_all(ids.iter().map(|id| client.put_block(&url, id, block.clone()))).await;
    sent.expect("blocks are taken");
    let list: Vec<&str> = ids.iter().map(String::as_str).collect();
    client.put_block_list(&url, &list).await.expect("the list is taken");
    client.finalize("blocks", "v", (BLOCKS * BLOCK) as u64).await.expect("the upload is whole");
    let mebibytes = server.process().peak_memory() as f64 / f64::from(1 << 20);
    report.at_most(
        "memory while eight 64 MiB blocks arrive, MiB",
        format!("{mebibytes:.0}"),
        mebibytes,
        256.0,
        "256 at most",
    );
    drop(server);
    remove(&data);
}
