//! skopeo, with an empty home: what it remembers of blobs is a file there, or for root one of the whole machine.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::place::{Place, remove, succeed};

/// Nobody's number, on every Linux.
const NOBODY: &str = "65534";

/// Seconds that it takes to copy an OCI layout to a registry.
pub(super) fn copy(place: &Place, layout: &Path, to: &str) -> f64 {
    let home = place.work.join("skopeo-home");
    if home.exists() {
        remove(&home);
    }
    std::fs::create_dir(&home).expect("a folder can be made");
    let open = |folder: &Path| {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))
            .expect("a folder can be opened");
    };
    open(&place.work);
    open(&home);
    succeed(Command::new("chmod").args(["-R", "a+rX"]).arg(layout));
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        "skopeo",
        "--insecure-policy",
        "copy",
    ]);
    command.args(["--quiet", "--dest-tls-verify=false"]);
    command.arg(format!("oci:{}:bench", layout.display())).arg(format!("docker://{to}"));
    command.env("HOME", &home).env("XDG_DATA_HOME", home.join("data")).env("TMPDIR", &home);
    command.env_remove("XDG_RUNTIME_DIR").stdout(Stdio::null());
    let begun = Instant::now();
    succeed(&mut command);
    begun.elapsed().as_secs_f64()
}
