//! The sequence of faults, drawn from the seed, so that a run can be repeated.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::faults::Fault;

/// One entry of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strike {
    /// One fault, sometimes two at once.
    pub(super) faults: Vec<Fault>,
    /// Numbers in 0..1 that select the victim and the duration.
    pub(super) draws: [f64; 4],
    /// Time without faults before it.
    pub(super) rest: Duration,
}

/// An endless sequence. Faults come in shuffled rounds, so that each comes before any
/// is repeated.
#[derive(Debug)]
pub(super) struct Plan {
    faults: Vec<Fault>,
    round: Vec<Fault>,
    random: StdRng,
}

/// Share of strikes that are two faults at once.
const DOUBLE: f64 = 0.2;

impl Plan {
    /// The plan of this seed.
    pub(super) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        Self { faults, round: Vec::new(), random: StdRng::seed_from_u64(seed) }
    }

    fn draw(&mut self) -> Option<Fault> {
        if self.round.is_empty() {
            self.round = self.faults.clone();
            self.round.shuffle(&mut self.random);
        }
        self.round.pop()
    }
}

impl Iterator for Plan {
    type Item = Strike;

    fn next(&mut self) -> Option<Strike> {
        let mut faults = vec![self.draw()?];
        if self.random.random_bool(DOUBLE)
            && let Some(second) = self.draw()
            && !faults.contains(&second)
        {
            faults.push(second);
        }
        let draws = [(); 4].map(|()| self.random.random());
        let rest = Duration::from_millis(self.random.random_range(500..3_000));
        Some(Strike { faults, draws, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(seed: u64, count: usize) -> Vec<Strike> {
        Plan::new(seed, Fault::ALL.to_vec()).take(count).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        assert_eq!(strikes(7, 50), strikes(7, 50));
        assert_ne!(strikes(7, 50), strikes(8, 50));
    }

    #[test]
    fn every_fault_comes_in_every_round() {
        let drawn: Vec<Fault> =
            strikes(1, Fault::ALL.len()).into_iter().flat_map(|strike| strike.faults).collect();

        assert!(Fault::ALL.iter().all(|fault| drawn.contains(fault)));
    }

    #[test]
    fn no_faults_make_no_plan() {
        assert_eq!(Plan::new(1, Vec::new()).next(), None);
    }
}
