//! `snowbank image inspect`.

use std::collections::BTreeMap;

use serde::Serialize;
use snowbank_oci::compression::Compression;
use snowbank_oci::digest::Digest;
use snowbank_oci::inspect::{LayerView, Viewed, shared};

use super::table::{Side, table};
use super::view::{platform_text, short, views};
use crate::args::image as args;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(super) async fn run(args: args::Inspect, printer: &Printer) -> Result<()> {
    let images: Vec<&str> = std::iter::once(&args.image).chain(&args.others).map(String::as_str).collect();
    let views = views(&images, &args.which, &args.login, args.talk.quiet).await?;
    let Some((image, others)) = views.split_first() else {
        return Err(CliError::usage("an image is wanted"));
    };
    let shared = shared(image, others);
    if args.talk.json {
        let told = Told {
            image,
            with: others.iter().map(|other| other.name.as_str()).collect(),
            shared: shared.iter().map(|at| at.iter().map(|&at| others[at].name.as_str()).collect()).collect(),
        };
        let text = serde_json::to_string(&told);
        printer.data(text.map_err(|error| CliError::failed("could not write JSON").because(error))?);
        return Ok(());
    }
    for line in lines(image, others, &shared, args.paths) {
        printer.data(line);
    }
    Ok(())
}

/// What programs are told.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    image: &'a Viewed,
    /// The images that it was compared with.
    with: Vec<&'a str>,
    /// For each layer, those of them that have it.
    shared: Vec<Vec<&'a str>>,
}

fn lines(image: &Viewed, others: &[Viewed], shared: &[Vec<usize>], with_paths: bool) -> Vec<String> {
    let count = counted(image.layers.len() as u64, "layer");
    let platform = platform_text(&image.platform);
    let mut lines =
        vec![image.name.clone(), format!("{}, {platform}, {count}, {}", image.digest, bytes(image.size))];
    lines.extend(others.iter().enumerate().map(|(at, other)| in_common(image, other, at, shared)));
    lines.push(String::new());
    let row = |(layer, shared): (&LayerView, &Vec<usize>)| {
        let names: Vec<&str> = shared.iter().map(|&at| others[at].name.as_str()).collect();
        [
            layer.number.to_string(),
            short(&layer.digest),
            bytes(layer.size),
            layer.compression.map_or("?", Compression::as_str).to_owned(),
            layer.paths.as_ref().map_or_else(|| "?".to_owned(), |paths| paths.len().to_string()),
            layer.name.clone(),
            names.join(", "),
        ]
    };
    let rows: Vec<_> = image.layers.iter().zip(shared).map(row).collect();
    let columns = [
        ("", Side::Right),
        ("layer", Side::Left),
        ("size", Side::Right),
        ("packed", Side::Left),
        ("paths", Side::Right),
        ("name", Side::Left),
        (if others.is_empty() { "" } else { "also in" }, Side::Left),
    ];
    let mut rows = table(columns, &rows).into_iter();
    lines.extend(rows.next());
    for (layer, row) in image.layers.iter().zip(rows) {
        lines.push(row);
        if with_paths {
            let paths = layer.paths.iter().flatten();
            lines.extend(paths.map(|path| format!("    {}", path.base_name())));
        }
    }
    lines
}

/// How much of an image another has.
fn in_common(image: &Viewed, other: &Viewed, at: usize, shared: &[Vec<usize>]) -> String {
    let layers = image.layers.iter().zip(shared).filter(|(_, shared)| shared.contains(&at));
    let sizes: BTreeMap<Digest, u64> = layers.map(|(layer, _)| (layer.digest, layer.size)).collect();
    let size = sizes.values().fold(0, |sum: u64, size| sum.saturating_add(*size));
    let count = counted(sizes.len() as u64, "layer");
    format!("{count} ({}) shared with {}", bytes(size), other.name)
}

#[cfg(test)]
mod tests {
    use snowbank_oci::descriptor::Platform;

    use super::*;

    fn image(name: &str, layers: &[(&str, Option<&str>)]) -> Viewed {
        let view = |(at, &(name, path)): (usize, &(&str, Option<&str>))| LayerView {
            number: at + 1,
            name: name.to_owned(),
            digest: Digest::of(name.as_bytes()),
            size: 1500,
            compression: path.map(|_| Compression::Zstd),
            diff_id: Digest::of(name.as_bytes()),
            paths: path.map(|path| vec![path.parse().unwrap()]),
        };
        Viewed {
            name: name.to_owned(),
            digest: Digest::of(b""),
            platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
            size: 3000,
            layers: layers.iter().enumerate().map(view).collect(),
        }
    }

    #[test]
    fn a_table_has_the_layers_and_their_paths() {
        let path = "h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-hello";
        let one = image("host/a:1", &[("base", None), ("hello", Some(path))]);
        let others = [image("host/a:2", &[("hello", None)])];
        let lines = lines(&one, &others, &shared(&one, &others), true);
        assert!(lines[1].ends_with(", linux/amd64, 2 layers, 3.0 kB"), "{}", lines[1]);
        assert_eq!(lines[2], "1 layer (1.5 kB) shared with host/a:2");
        let rest: Vec<&str> = lines[4..].iter().map(String::as_str).collect();
        let (base, hello) = (short(&one.layers[0].digest), short(&one.layers[1].digest));
        assert_eq!(
            rest,
            [
                "   layer           size  packed  paths  name   also in".to_owned(),
                format!("1  {base}  1.5 kB  ?           ?  base"),
                format!("2  {hello}  1.5 kB  zstd        1  hello  host/a:2"),
                format!("    {path}"),
            ]
        );
    }
}
