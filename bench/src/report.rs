//! The table of figures.

use std::fmt;

/// One figure.
#[derive(Debug)]
struct Line {
    figure: String,
    value: String,
    wanted: String,
    met: Option<bool>,
}

/// All figures so far.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Line>);

impl Report {
    /// A figure that should be at most `most`.
    pub(crate) fn at_most(&mut self, figure: &str, value: String, measured: f64, most: f64, wanted: &str) {
        self.add(figure, value, wanted, Some(measured <= most));
    }

    /// A figure that should be at least `least`.
    pub(crate) fn at_least(&mut self, figure: &str, value: String, measured: f64, least: f64, wanted: &str) {
        self.add(figure, value, wanted, Some(measured >= least));
    }

    /// A figure of which nothing is asked.
    pub(crate) fn plain(&mut self, figure: &str, value: String) {
        self.add(figure, value, "", None);
    }

    fn add(&mut self, figure: &str, value: String, wanted: &str, met: Option<bool>) {
        eprintln!("  => {figure}: {value}");
        self.0.push(Line { figure: figure.to_owned(), value, wanted: wanted.to_owned(), met });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |cell: fn(&Line) -> &str| self.0.iter().map(|line| cell(line).chars().count()).max().unwrap_or(0);
        let (figures, values, wants) =
            (width(|line| &line.figure), width(|line| &line.value), width(|line| &line.wanted));
        for Line { figure, value, wanted, met } in &self.0 {
            let met = match met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let line = format!("{figure:figures$}   {value:values$}   {wanted:wants$}   {met}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_judged() {
        let mut report = Report::default();
        report.at_most("a figure", "1.20".to_owned(), 1.2, 1.15, "1.15 at most");
        report.at_least("b", "0.70".to_owned(), 0.7, 0.5, "0.5 or more");
        report.plain("c", "3".to_owned());
        assert_eq!(
            report.to_string(),
            "a figure   1.20   1.15 at most   MISSED\nb          0.70   0.5 or more    met\nc          3\n"
        );
    }
}
