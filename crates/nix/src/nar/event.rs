//! What a NAR consists of.

/// The next thing in a NAR.
///
/// A whole tree is either of: [`Symlink`](Self::Symlink); [`File`](Self::File) and as many
/// [`Contents`](Self::Contents) as its size takes; [`Directory`](Self::Directory), then [`Entry`](Self::Entry) and a
/// tree for each of its files, then [`DirectoryEnd`](Self::DirectoryEnd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A directory begins.
    Directory,
    /// The name of what follows in the directory that was begun last.
    Entry(&'a [u8]),
    /// The directory that was begun last ends.
    DirectoryEnd,
    /// A file begins.
    File {
        /// Whether it can be executed.
        executable: bool,
        /// Bytes of its content, all of which follow.
        size: u64,
    },
    /// The next bytes of a file, at least one.
    Contents(&'a [u8]),
    /// A symbolic link to this target.
    Symlink(&'a [u8]),
}
