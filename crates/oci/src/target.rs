//! Where an image is to go, as people write it.

/// Where an image is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A registry: the reference, without `docker://`.
    Registry(&'a str),
    /// A folder in the layout of OCI: `oci:DIR:TAG`.
    Layout {
        /// The folder.
        dir: &'a str,
        /// What the image is called in it.
        tag: &'a str,
    },
    /// An archive that `docker load` reads: `docker-archive:FILE[:NAME:TAG]`.
    Archive {
        /// The file.
        file: &'a str,
        /// What the image is called in it: a name and a tag.
        name: Option<(&'a str, &'a str)>,
    },
}

/// Why a text does not say where an image is to go.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// Nothing.
    #[error(
        "the destination is empty; write it as ghcr.io/owner/image:tag, oci:DIR:TAG or docker-archive:FILE"
    )]
    Empty,
    /// A folder without a tag.
    #[error("{0:?} names no folder and tag; write oci:DIR:TAG")]
    Layout(String),
    /// An archive without a file, or with half a name.
    #[error(
        "{0:?} names no file, or an image without a tag; write docker-archive:FILE or docker-archive:FILE:NAME:TAG"
    )]
    Archive(String),
    /// A URL.
    #[error("{0:?} is a URL, and registries are named without one: ghcr.io/owner/image:tag")]
    Url(String),
    /// Something that other tools know.
    #[error(
        "{transport}: is not a place that images are pushed to; push to oci:DIR:TAG, then run \
         `skopeo copy oci:DIR:TAG {text}`"
    )]
    Transport {
        /// The word before the colon.
        transport: &'static str,
        /// The text.
        text: String,
    },
}

/// What skopeo and its relatives can write to, and this does not.
const OTHERS: [&str; 7] =
    ["containers-storage", "docker-daemon", "dir", "oci-archive", "ostree", "sif", "tarball"];

impl<'a> Target<'a> {
    /// Reads where an image is to go; folders and files end at the first colon, as skopeo has it. What a registry's reference
    /// means is not looked at.
    ///
    /// # Errors
    /// When it is no such place, with what to write instead.
    pub fn parse(text: &'a str) -> Result<Self, TargetError> {
        if let Some(rest) = text.strip_prefix("docker://") {
            return if rest.is_empty() { Err(TargetError::Empty) } else { Ok(Self::Registry(rest)) };
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let parts = rest.split_once(':').filter(|(dir, tag)| !dir.is_empty() && !tag.is_empty());
            let (dir, tag) = parts.ok_or_else(|| TargetError::Layout(text.to_owned()))?;
            return Ok(Self::Layout { dir, tag });
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            return archive(rest).ok_or_else(|| TargetError::Archive(text.to_owned()));
        }
        if let Some(transport) =
            OTHERS.into_iter().find(|other| text.split(':').next() == Some(other) && text != *other)
        {
            return Err(TargetError::Transport { transport, text: text.to_owned() });
        }
        if text.contains("://") {
            return Err(TargetError::Url(text.to_owned()));
        }
        if text.is_empty() { Err(TargetError::Empty) } else { Ok(Self::Registry(text)) }
    }
}

fn archive(rest: &str) -> Option<Target<'_>> {
    let (file, name) = match rest.split_once(':') {
        // The last colon: a name may begin with a host and its port.
        Some((file, name)) => (file, Some(name.rsplit_once(':')?)),
        None => (rest, None),
    };
    let whole = name.is_none_or(|(name, tag)| !name.is_empty() && !tag.is_empty() && !tag.contains('/'));
    (!file.is_empty() && whole).then_some(Target::Archive { file, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        for (text, target) in [
            ("ghcr.io/owner/image:tag", Target::Registry("ghcr.io/owner/image:tag")),
            ("docker://ghcr.io/owner/image", Target::Registry("ghcr.io/owner/image")),
            ("localhost:5000/image", Target::Registry("localhost:5000/image")),
            ("oci", Target::Registry("oci")),
            ("dir", Target::Registry("dir")),
            ("oci:/a/b:latest", Target::Layout { dir: "/a/b", tag: "latest" }),
            ("oci:a:b:c", Target::Layout { dir: "a", tag: "b:c" }),
            ("docker-archive:/a.tar", Target::Archive { file: "/a.tar", name: None }),
            ("docker-archive:a:b:c", Target::Archive { file: "a", name: Some(("b", "c")) }),
            ("docker-archive:a:host:1/b:c", Target::Archive { file: "a", name: Some(("host:1/b", "c")) }),
        ] {
            assert_eq!(Target::parse(text), Ok(target), "{text}");
        }
    }

    #[test]
    fn other_places_say_what_to_write() {
        for (text, told) in [
            ("", "ghcr.io/owner/image:tag"),
            ("docker://", "ghcr.io/owner/image:tag"),
            ("oci:", "oci:DIR:TAG"),
            ("oci:a", "oci:DIR:TAG"),
            ("oci:a:", "oci:DIR:TAG"),
            ("oci::a", "oci:DIR:TAG"),
            ("docker-archive:", "docker-archive:FILE:NAME:TAG"),
            ("docker-archive:a:b", "docker-archive:FILE:NAME:TAG"),
            ("docker-archive:a:b:", "docker-archive:FILE:NAME:TAG"),
            ("docker-archive::b:c", "docker-archive:FILE:NAME:TAG"),
            ("docker-archive:a:host:1/b", "docker-archive:FILE:NAME:TAG"),
            ("https://ghcr.io/a/b", "without one"),
            ("containers-storage:a", "skopeo copy oci:DIR:TAG containers-storage:a"),
            ("docker-daemon:a:b", "skopeo copy oci:DIR:TAG docker-daemon:a:b"),
            ("dir:/a", "skopeo copy"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
