//! The commands that read and write a local store: `save`, `restore`, `run`, `push` and `watch-store`.

mod access;
mod advice;
mod cache_access;
mod job;
mod lazy;
mod limits;
mod progress;
mod pull;
mod push;
mod remote;
mod restore;
mod run;
mod save;
mod session;
mod stamp;
mod table;
mod tidy;
mod upstreams;
mod wanted;
mod watch_store;
mod writing;

pub(crate) use access::{nix_conf, site};
pub(crate) use cache_access::Access;
pub(crate) use job::Job;
pub(crate) use lazy::{substituter, untrusted};
pub(crate) use progress::Progress;
pub(crate) use pull::run as pull;
pub(crate) use push::run as push;
pub(crate) use remote::{Place as ServicePlace, Remote, is_githubs};
pub(crate) use restore::run as restore;
pub(crate) use run::run;
pub(crate) use save::run as save;
pub(crate) use session::{place, place_at, system};
pub(crate) use upstreams::{sources as nix_sources, upstreams};
pub(crate) use watch_store::run as watch_store;
