//! One judge, calibrated: scores that people gave (anchors) say what the judge's own scores are worth. The fit is monotone, so it never
//! turns the judge's order round (pool adjacent violators; Barlow et al., 1972). When anchors that are judged again come out otherwise
//! than people scored them, the judge has drifted. Pure.

use serde::Serialize;

/// Fewer anchors say nothing.
pub const FEWEST_ANCHORS: usize = 8;
/// Fewer anchors that were judged again say nothing of drift.
const FEWEST_AGAIN: usize = 5;
/// A mean distance from people's scores that is an alarm, on the scale of 1 to 5.
const ALARM: f64 = 0.25;
/// Parts of the anchors that are held out in turn to tell the error.
const FOLDS: usize = 5;

/// A judge's score and what people gave the same text, both 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// The judge's.
    pub raw: f64,
    /// People's, their mean.
    pub human: f64,
}

/// What a judge's scores are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// How many anchors it rests on.
    pub anchors: usize,
    /// From score to score, rising; between them is straight.
    pub knots: Vec<(f64, f64)>,
    /// Mean distance of the judge's own scores from people's.
    pub error_raw: f64,
    /// The same of the calibrated ones, told on anchors that were held out.
    pub error: f64,
}

/// How anchors came out that were judged again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// How many.
    pub anchors: usize,
    /// Calibrated minus human, on average.
    pub shift: f64,
    /// Whether that is more than a quarter of a point, and more than chance (two standard errors).
    pub alarm: bool,
}

impl Calibration {
    /// Fits it; `None` with too few anchors.
    pub fn fit(anchors: &[Anchor]) -> Option<Self> {
        if anchors.len() < FEWEST_ANCHORS {
            return None;
        }
        let mut sorted = anchors.to_vec();
        sorted.sort_by(|a, b| a.raw.total_cmp(&b.raw).then(a.human.total_cmp(&b.human)));
        let distance = |value: f64, anchor: &Anchor| (value - anchor.human).abs();
        let mut held_out = 0.0;
        for fold in 0..FOLDS {
            let part = |keep: bool| {
                let of = sorted.iter().enumerate().filter(move |(at, _)| (at % FOLDS == fold) == keep);
                of.map(|(_, anchor)| *anchor)
            };
            let knots = isotonic(&part(false).collect::<Vec<_>>());
            held_out += part(true).map(|anchor| distance(at(&knots, anchor.raw), &anchor)).sum::<f64>();
        }
        let count = sorted.len() as f64;
        Some(Self {
            anchors: sorted.len(),
            knots: isotonic(&sorted),
            error_raw: sorted.iter().map(|anchor| distance(anchor.raw, anchor)).sum::<f64>() / count,
            error: held_out / count,
        })
    }

    /// What people would give where the judge gives `raw`.
    pub fn at(&self, raw: f64) -> f64 {
        at(&self.knots, raw)
    }

    /// What became of anchors that were judged again; `None` with too few.
    pub fn drift(&self, again: &[Anchor]) -> Option<Drift> {
        if again.len() < FEWEST_AGAIN {
            return None;
        }
        let count = again.len() as f64;
        let off: Vec<f64> = again.iter().map(|anchor| self.at(anchor.raw) - anchor.human).collect();
        let shift = off.iter().sum::<f64>() / count;
        let variance = off.iter().map(|value| (value - shift).powi(2)).sum::<f64>() / (count - 1.0);
        let by_chance = 2.0 * (variance / count).sqrt();
        Some(Drift { anchors: again.len(), shift, alarm: shift.abs() > ALARM.max(by_chance) })
    }
}

/// Means of runs of neighbours, such that they rise: a run whose mean is below that of the one before is joined with it.
fn isotonic(sorted: &[Anchor]) -> Vec<(f64, f64)> {
    struct Run {
        raw: f64,
        human: f64,
        count: f64,
    }
    let mut runs: Vec<Run> = Vec::new();
    for anchor in sorted {
        runs.push(Run { raw: anchor.raw, human: anchor.human, count: 1.0 });
        while let [.., before, last] = &runs[..] {
            let same = (last.raw - before.raw).abs() < 1e-9;
            if before.human < last.human && !same {
                break;
            }
            let count = before.count + last.count;
            let mean = |of: fn(&Run) -> f64| (of(before) * before.count + of(last) * last.count) / count;
            let joined = Run { raw: mean(|run| run.raw), human: mean(|run| run.human), count };
            runs.truncate(runs.len() - 2);
            runs.push(joined);
        }
    }
    runs.into_iter().map(|run| (run.raw, run.human)).collect()
}

fn at(knots: &[(f64, f64)], raw: f64) -> f64 {
    let above = knots.iter().position(|(knot, _)| *knot >= raw);
    match above {
        Some(0) => knots[0].1,
        None => knots.last().map_or(raw, |(_, human)| *human),
        Some(next) => {
            let ((x0, y0), (x1, y1)) = (knots[next - 1], knots[next]);
            y0 + (y1 - y0) * (raw - x0) / (x1 - x0)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anchors(pairs: &[(f64, f64)]) -> Vec<Anchor> {
        pairs.iter().map(|(raw, human)| Anchor { raw: *raw, human: *human }).collect()
    }

    /// A judge that is a point too kind, and crowds its scores at the top.
    fn kind_judge() -> Vec<Anchor> {
        let human = |at: usize| 1.0 + (at % 9) as f64 * 0.5;
        (0..45).map(|at| Anchor { raw: 3.4 + human(at) * 0.3 + (at % 4) as f64 * 0.01, human: human(at) }).collect()
    }

    #[test]
    fn neighbours_out_of_order_are_pooled() {
        let pairs = [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)];
        assert_eq!(isotonic(&anchors(&pairs)), [(1.0, 1.0), (2.5, 2.5), (4.0, 4.0)]);
        assert_eq!(isotonic(&anchors(&[(2.0, 1.0), (2.0, 3.0)])), [(2.0, 2.0)], "one score has one meaning");
        assert_eq!(isotonic(&anchors(&[(1.0, 4.0), (2.0, 3.0), (3.0, 2.0)])), [(2.0, 3.0)]);
    }

    #[test]
    fn anchors_say_what_scores_are_worth() {
        let known = Calibration::fit(&kind_judge()).unwrap();
        assert!(known.error_raw > 1.0 && known.error < 0.15, "{known:?}");
        assert!((known.at(3.4 + 3.0 * 0.3) - 3.0).abs() < 0.2, "{}", known.at(4.3));
        assert!(known.at(0.0) >= 1.0 && known.at(9.0) <= 5.0, "nothing lies outside what people gave");
        assert_eq!(Calibration::fit(&kind_judge()[..FEWEST_ANCHORS - 1]), None);
    }

    #[test]
    fn a_judge_that_became_kinder_is_noticed_and_noise_is_not() {
        let before = kind_judge();
        let known = Calibration::fit(&before).unwrap();
        let again = |more: f64| -> Vec<Anchor> {
            before[..20].iter().map(|anchor| Anchor { raw: anchor.raw + more, ..*anchor }).collect()
        };
        assert!(!known.drift(&again(0.0)).unwrap().alarm);
        assert!(!known.drift(&again(0.02)).unwrap().alarm);
        let drifted = known.drift(&again(0.3)).unwrap();
        assert!(drifted.alarm && drifted.shift > 0.5, "{drifted:?}");
        assert_eq!(known.drift(&again(0.3)[..FEWEST_AGAIN - 1]), None);
    }

    proptest! {
        #[test]
        fn the_fit_never_falls(pairs in prop::collection::vec((1.0..5.0_f64, 1.0..5.0_f64), 8..60)) {
            let known = Calibration::fit(&anchors(&pairs)).unwrap();
            let values: Vec<f64> = (0..50).map(|at| known.at(1.0 + f64::from(at) * 0.08)).collect();
            prop_assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{values:?}");
        }
    }
}
