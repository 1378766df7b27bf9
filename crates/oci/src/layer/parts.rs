//! Large paths, cut into parts.

use snowbank_nix::store_path::{StoreDir, StorePath};

use super::Part;
use super::entries::{Entries, Lent, Node};
use super::error::LayerError;
use super::key::{ancestors, leads_to};
use super::output::header;
use super::rules::Owner;
use crate::tar::{END, padded};
use crate::tree::Tree;

/// Cuts a path, whose files are not renamed, into runs of files whose tars have at most `cap` bytes each; a file that has
/// more alone is a part by itself. Together the parts are the path. Reads the tree to its end.
///
/// # Errors
/// When the tree cannot be read.
pub fn parts(
    path: &StorePath,
    dir: &StoreDir,
    tree: &mut dyn Tree,
    cap: u64,
) -> Result<Vec<Part>, LayerError> {
    let root = dir.display(path).into_bytes();
    let owner = Owner::root(0);
    let directory = |path: &[u8]| header(&[&root, path].concat(), &Node::Directory, &owner).len() as u64;
    let around = ancestors(None, &root).map(|folder| header(folder, &Node::Directory, &owner).len() as u64);
    let around = around.sum::<u64>() + END.len() as u64;

    let mut entries = Entries::new(Box::new(Lent(tree)));
    let (mut parts, mut part, mut used) = (Vec::new(), Part::default(), around);
    // The last file of the part, and whether it has only directories that lead to it.
    let (mut last, mut leading): (Option<Vec<u8>>, bool) = (None, true);
    while let Some(node) = entries.next()? {
        let path = entries.path();
        let size = if let Node::File { size, .. } = node { padded(size) } else { 0 };
        let own = (header(&[&root, path].concat(), &node, &owner).len() as u64).saturating_add(size);
        let folders = |last: Option<&[u8]>| ancestors(last, path).map(directory).sum::<u64>();
        let follows = last.as_ref().is_none_or(|last| leads_to(last, path));
        let cost = own.saturating_add(folders(last.as_deref()));
        if used.saturating_add(cost) > cap && !(leading && follows) {
            let from = Some(path[1..].to_vec());
            let until = from.clone();
            parts.push(Part { until, ..std::mem::replace(&mut part, Part { from, until: None }) });
            used = around.saturating_add(own).saturating_add(folders(None));
            leading = true;
        } else {
            used = used.saturating_add(cost);
            leading &= follows;
        }
        last = Some(path.to_vec());
    }
    parts.push(part);
    Ok(parts)
}
