//! The arguments of `image`.

use std::path::PathBuf;

use super::client::{Talk, Trust};

/// `image`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Image {
    /// Push an image, sending only what the registry lacks
    ///
    /// SOURCE is the image JSON that nix2container builds, or store paths. Layers that were made once are known by what is in
    /// them: what the registry has of those is neither read, packed nor compressed, and need not be on this machine.
    ///
    /// DESTINATION is HOST/NAME:TAG, oci:DIR:TAG or docker-archive:FILE.
    Push(Box<Push>),
    /// List the layers of an image: what is in them, their sizes, and which other images have them
    ///
    /// IMAGE is HOST/NAME:TAG, HOST/NAME@DIGEST or oci:DIR:TAG. No layer is read. The store paths are what the push has said;
    /// of images of other tools only the layers are known.
    Inspect(Box<Inspect>),
    /// Say what is between two images: layers, store paths, and the bytes that whoever has OLD must fetch for NEW
    ///
    /// OLD and NEW are HOST/NAME:TAG, HOST/NAME@DIGEST or oci:DIR:TAG, and may be in different registries.
    Diff(Box<Diff>),
}

/// How a registry lets us in. No secret is an argument: others can read those.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Login {
    /// Whom to be at the registry; the password is read from standard input
    /// [default: what Docker's and Podman's credential files say, then GITHUB_TOKEN at ghcr.io]
    #[arg(long, value_name = "USER", requires = "password_stdin")]
    pub username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    pub password_stdin: bool,
    /// A credential file, before all others
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Speak http, not https, to a registry that is not on this machine
    #[arg(long)]
    pub plain_http: bool,
}

/// Where paths come from, and where layers are recorded.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct From {
    /// Take paths from a binary cache (http://HOST/nix/NAME) or from the newest snapshot of a key, not from the store of this
    /// machine
    #[arg(long, value_name = "CACHE_URL|KEY")]
    pub from: Option<String>,
    /// The cache service of snapshots, or their folder; a job's own service where it is known
    #[arg(long, value_name = "URL|DIR", env = "SNOWBANK_REMOTE")]
    pub remote: Option<String>,
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub root: Option<PathBuf>,
    /// A binary cache that keeps what is known of layers [default: the one of --from; a snapshot's cache service has its own]
    #[arg(long, value_name = "CACHE_URL")]
    pub records: Option<String>,
    /// Neither look for what is known of layers nor keep it, other than in the registry
    #[arg(long, conflicts_with = "records")]
    pub no_records: bool,
    #[command(flatten)]
    pub trust: Trust,
}

/// How store paths become layers.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Layers {
    /// At most so many layers
    #[arg(long, value_name = "COUNT", default_value = "64")]
    pub max_layers: usize,
    /// No layer is larger, uncompressed; a larger path is split
    #[arg(long, value_name = "SIZE", default_value = "1GB")]
    pub max_layer_size: String,
    /// Paths whose name matches go into a layer of their own. May be repeated, also for one name
    #[arg(long = "layer", value_name = "NAME=PATTERN")]
    pub named: Vec<String>,
    /// Add a layer with Nix's database of the store paths, so that Nix works in the container on the store as it was pushed
    #[arg(long)]
    pub nix_database: bool,
}

/// What an image of store paths runs, and how.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What the image runs (an image JSON says it by itself)")]
pub(crate) struct Config {
    /// The program: a word, or a JSON array of words. May be repeated, a word each
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub entrypoint: Vec<String>,
    /// Its arguments where none are given, in the same form
    #[arg(long = "cmd", value_name = "WORD", allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// A variable of its environment. May be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// The folder it runs in
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Whom it runs as: `USER` or `USER:GROUP`. The folders of --volume are that user's, if these are numbers
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// A label. May be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Vec<String>,
    /// A port: 8188 or 53/udp. May be repeated
    #[arg(long, value_name = "PORT")]
    pub expose: Vec<String>,
    /// A folder that outlives the container. May be repeated
    #[arg(long, value_name = "DIR")]
    pub volume: Vec<String>,
    /// The signal that ends it
    #[arg(long, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,
    /// A command that tells whether it is well: for a shell, or a JSON array of words, which needs none
    #[arg(long, value_name = "COMMAND")]
    pub healthcheck: Option<String>,
    /// The processor, in Go's words [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// When it was made, as RFC 3339 [default: SOURCE_DATE_EPOCH, else one second after 1970 began]
    #[arg(long, value_name = "TIME")]
    pub created: Option<String>,
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Compression {
    /// Small and fast; containerd 1.5, Docker 23, Podman and what is newer read it
    Zstd,
    /// Everything reads it
    Gzip,
    /// For a registry nearby
    None,
}

/// The format of an SBOM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sbom {
    /// SPDX 2.3, as JSON
    Spdx,
    /// CycloneDX 1.5, as JSON
    Cyclonedx,
}

/// `image push`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "snowbank image push [OPTIONS] <SOURCE>... <DESTINATION>")]
pub(crate) struct Push {
    #[command(flatten)]
    pub from: From,
    #[command(flatten)]
    pub layers: Layers,
    #[command(flatten)]
    pub login: Login,
    /// Another tag for the same image. May be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// How new layers are compressed [default: as those are that the tag has now, else zstd]
    #[arg(long, value_enum)]
    pub compression: Option<Compression>,
    /// Take blobs over from this repository of the same registry. May be repeated
    #[arg(long = "mount-from", value_name = "REPOSITORY")]
    pub mounts: Vec<String>,
    /// Attach a list of the store paths in the image to it (an SBOM), as a referrer. May be repeated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT")]
    pub sbom: Vec<Sbom>,
    /// Do not label the image with the repository and commit of the CI job around
    #[arg(long)]
    pub no_ci_labels: bool,
    /// Make every layer anew and compare it with what is recorded of it
    #[arg(long)]
    pub verify_layers: bool,
    /// Only say what would be sent
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub config: Config,
    #[command(flatten)]
    pub talk: Talk,
    /// What the image is made of, and then where it goes
    #[arg(value_names = ["SOURCE", "DESTINATION"], num_args = 1.., required = true)]
    pub sources: Vec<String>,
}

/// Which image of several under one tag.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// Of images for several platforms, that for this one: OS/ARCH or OS/ARCH/VARIANT, in Go's words [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
}

/// `image inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// Say of each layer whether this image has it, too. May be repeated
    #[arg(long = "with", value_name = "IMAGE")]
    pub others: Vec<String>,
    /// List the store paths of each layer
    #[arg(long)]
    pub paths: bool,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub login: Login,
    #[command(flatten)]
    pub talk: Talk,
    /// The image
    #[arg(value_name = "IMAGE")]
    pub image: String,
}

/// `image diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub login: Login,
    #[command(flatten)]
    pub talk: Talk,
    /// The image that is there
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The image that is to be pulled
    #[arg(value_name = "NEW")]
    pub new: String,
}
