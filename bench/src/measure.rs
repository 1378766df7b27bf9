//! Turns, medians and spreads.

use std::fmt;

/// What came out of several rounds.
#[derive(Debug, Clone)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    /// The values of at least one round.
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Each value of `these` by its partner in `those`, round by round.
    pub(crate) fn ratio(these: &[f64], those: &[f64]) -> Self {
        Self::new(these.iter().zip(those).map(|(this, that)| this / that).collect())
    }

    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 { self.0[middle] } else { (self.0[middle - 1] + self.0[middle]) / 2.0 }
    }
}

/// The median, and from where to where the values lie.
impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(2);
        write!(f, "{:.places$}", self.median())?;
        match self.0.as_slice() {
            [first, .., last] => write!(f, " ({first:.places$} to {last:.places$})"),
            _ => Ok(()),
        }
    }
}

/// The order of `sides` in a round: each is first in its turn.
pub(crate) fn turns(sides: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..sides).map(move |step| (step + round) % sides)
}

/// A share of sorted values: 0.5 is the median.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((share * last as f64).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_ends_are_shown() {
        assert_eq!(format!("{}", Rounds::new(vec![3.0, 1.0, 2.0])), "2.00 (1.00 to 3.00)");
        assert_eq!(format!("{:.1}", Rounds::new(vec![4.0])), "4.0");
        assert!((Rounds::new(vec![1.0, 2.0]).median() - 1.5).abs() < 1e-9);
    }

    #[test]
    fn each_side_comes_first_once() {
        let firsts: Vec<_> = (0..3).map(|round| turns(3, round).next()).collect();
        assert_eq!(firsts, [Some(0), Some(1), Some(2)]);
        assert_eq!(turns(3, 1).collect::<Vec<_>>(), [1, 2, 0]);
    }

    #[test]
    fn percentiles_are_values_of_the_list() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!((percentile(&sorted, 0.5), percentile(&sorted, 0.99)), (50.0, 99.0));
    }
}
