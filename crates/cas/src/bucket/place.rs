//! Where a bucket's bytes are.

use std::fmt;
use std::path::PathBuf;

/// Where a bucket's bytes are.
#[derive(Clone)]
pub enum Place {
    /// A folder on a local file system, made when it is not there; one process uses it.
    Directory(PathBuf),
    /// A bucket of an S3 service; any number of processes share it.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// Put before every object's name; may be empty.
        prefix: String,
        /// The service's URL; none for Amazon's own.
        endpoint: Option<String>,
        /// The service's region.
        region: String,
        /// The name of the key that signs requests.
        access_key: String,
        /// The key that signs requests.
        secret_key: String,
        /// Whether the endpoint may be plain HTTP.
        allow_http: bool,
    },
    /// This process's memory, for tests.
    Memory,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "Directory({})", path.display()),
            Self::S3 { bucket, prefix, endpoint, .. } => write!(f, "S3({endpoint:?}, {bucket}, {prefix})"),
            Self::Memory => f.write_str("Memory"),
        }
    }
}
