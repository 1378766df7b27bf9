//! `snowbank image diff`.

use serde::Serialize;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::inspect::{Blob, Difference, Update, Viewed, diff};

use super::table::{Side, table};
use super::view::{short, views};
use crate::args::image as args;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(super) async fn run(args: args::Diff, printer: &Printer) -> Result<()> {
    let views = views(&[&args.old, &args.new], &args.which, &args.login, args.talk.quiet).await?;
    let [old, new] = &views[..] else {
        return Err(CliError::usage("two images are wanted"));
    };
    let difference = diff(old, new);
    if args.talk.json {
        let told = Told { old: Pole::of(old), new: Pole::of(new), difference: &difference };
        let text = serde_json::to_string(&told);
        printer.data(text.map_err(|error| CliError::failed("could not write JSON").because(error))?);
        return Ok(());
    }
    for line in lines(old, new, &difference) {
        printer.data(line);
    }
    Ok(())
}

/// What programs are told.
#[derive(Serialize)]
struct Told<'a> {
    old: Pole<'a>,
    new: Pole<'a>,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// One of the images.
#[derive(Serialize)]
struct Pole<'a> {
    name: &'a str,
    digest: String,
    size: u64,
}

impl<'a> Pole<'a> {
    fn of(image: &'a Viewed) -> Self {
        Self { name: &image.name, digest: image.digest.to_string(), size: image.size }
    }
}

fn lines(old: &Viewed, new: &Viewed, difference: &Difference) -> Vec<String> {
    let mut lines = vec![format!("{} -> {}", old.name, new.name)];
    if old.digest == new.digest {
        lines.push(format!("they are one image, {}", new.digest));
        return lines;
    }
    let sum = |blobs: &[Blob]| {
        let size = blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
        format!("{} ({})", counted(blobs.len() as u64, "layer"), bytes(size))
    };
    let Difference { kept, added, removed, bytes_to_fetch, paths } = difference;
    lines.push(format!("{} to fetch of {}", bytes(*bytes_to_fetch), bytes(new.size)));
    lines.push(format!("{} kept, {} added, {} removed", sum(kept), sum(added), sum(removed)));
    let row =
        |sign: &str, blob: &Blob| [sign.to_owned(), short(&blob.digest), bytes(blob.size), blob.name.clone()];
    let rows: Vec<_> =
        removed.iter().map(|blob| row("-", blob)).chain(added.iter().map(|blob| row("+", blob))).collect();
    if !rows.is_empty() {
        lines.push(String::new());
        let columns = [("", Side::Left), ("layer", Side::Left), ("size", Side::Right), ("name", Side::Left)];
        lines.extend(table(columns, &rows));
    }
    let rows: Vec<_> = paths
        .removed
        .iter()
        .map(|path| ["-".to_owned(), told(path), String::new()])
        .chain(paths.added.iter().map(|path| ["+".to_owned(), String::new(), told(path)]))
        .chain(paths.updated.iter().map(updated))
        .collect();
    if !rows.is_empty() {
        lines.push(String::new());
        let columns = [("", Side::Left), ("old path", Side::Left), ("new path", Side::Left)];
        lines.extend(table(columns, &rows));
    }
    if paths.unknown_layers > 0 {
        lines.push(String::new());
        let layers = counted(paths.unknown_layers as u64, "changed layer");
        lines.push(format!(
            "the paths of {layers} are not known, for nobody has said them: there may be more"
        ));
    }
    lines
}

fn updated(update: &Update) -> [String; 3] {
    ["~".to_owned(), told(&update.old), told(&update.new)]
}

/// The name, with so much of the hash that people tell paths of one name apart.
fn told(path: &StorePath) -> String {
    format!("{} ({})", path.name(), path.hash_part().chars().take(7).collect::<String>())
}

#[cfg(test)]
mod tests {
    use snowbank_oci::digest::Digest;
    use snowbank_oci::inspect::PathChanges;

    use super::*;

    fn image(name: &str) -> Viewed {
        Viewed {
            name: name.to_owned(),
            digest: Digest::of(name.as_bytes()),
            platform: snowbank_oci::descriptor::Platform {
                architecture: "amd64".to_owned(),
                os: "linux".to_owned(),
                variant: None,
            },
            size: 5000,
            layers: Vec::new(),
        }
    }

    fn blob(name: &str) -> Blob {
        Blob { name: name.to_owned(), digest: Digest::of(name.as_bytes()), size: 2000 }
    }

    #[test]
    fn what_differs_is_told() {
        let path =
            |letter: &str, name: &str| format!("{}-{name}", letter.repeat(32)).parse::<StorePath>().unwrap();
        let difference = Difference {
            kept: vec![blob("base")],
            added: vec![blob("new")],
            removed: vec![blob("old")],
            bytes_to_fetch: 2000,
            paths: PathChanges {
                added: vec![path("b", "more-1")],
                removed: Vec::new(),
                updated: vec![Update { old: path("a", "pillow-1"), new: path("c", "pillow-2") }],
                unknown_layers: 1,
            },
        };
        let (old, new) = (short(&Digest::of(b"old")), short(&Digest::of(b"new")));
        let lines = lines(&image("a:1"), &image("a:2"), &difference);
        let wanted = [
            "a:1 -> a:2",
            "2.0 kB to fetch of 5.0 kB",
            "1 layer (2.0 kB) kept, 1 layer (2.0 kB) added, 1 layer (2.0 kB) removed",
            "",
            "   layer           size  name",
            &format!("-  {old}  2.0 kB  old"),
            &format!("+  {new}  2.0 kB  new"),
            "",
            "   old path            new path",
            "+                      more-1 (bbbbbbb)",
            "~  pillow-1 (aaaaaaa)  pillow-2 (ccccccc)",
            "",
            "the paths of 1 changed layer are not known, for nobody has said them: there may be more",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn one_image_is_no_difference() {
        let (one, other) = (image("a"), image("a"));
        let told = lines(&one, &other, &diff(&one, &other));
        assert!(told[1].starts_with("they are one image"), "{told:?}");
    }
}
