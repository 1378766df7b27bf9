//! Tables of plain text.

/// To which side a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The lines of a table: a heading and rows, in columns that are as wide as what is in them. No line ends in blanks.
pub(super) fn table<const N: usize>(columns: [(&str, Side); N], rows: &[[String; N]]) -> Vec<String> {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([columns[at].0.chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let mut text = String::new();
        for (at, cell) in cells.into_iter().enumerate() {
            let width = widths[at];
            text += &match columns[at].1 {
                Side::Left => format!("{cell:<width$}  "),
                Side::Right => format!("{cell:>width$}  "),
            };
        }
        text.trim_end().to_owned()
    };
    let heading = line(columns.map(|(name, _)| name));
    std::iter::once(heading)
        .chain(rows.iter().map(|row| line(std::array::from_fn(|at| row[at].as_str()))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["1".to_owned(), "a".to_owned()], ["10000".to_owned(), "äöü".to_owned()]];
        let lines = table([("size", Side::Right), ("name", Side::Left)], &rows);
        assert_eq!(lines, [" size  name", "    1  a", "10000  äöü"]);
    }
}
