//! Measures Snowbank against the least that could do the same job, in one run and in turns, and prints each figure as
//! a ratio. See `bench/run` for how it is started.
#![expect(clippy::expect_used, reason = "a benchmark that cannot start has no figure")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures go to standard output, talk to standard error"
)]

mod clients;
mod figures;
mod measure;
mod place;
mod report;
mod server;
mod workload;

use place::Place;
use report::Report;

fn main() {
    let place = Place::from_environment();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let report = runtime.block_on(figures::all(&place, &wanted, Report::default()));
    println!("\n{report}");
}
