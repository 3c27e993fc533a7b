//! Loss before the queue: independent, or in bursts after Gilbert and Elliott.

use super::LabError;
use super::rng::Rng;

/// A loss model.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Loss {
    /// Nothing is lost but by the queue.
    None,
    /// Each packet is lost with this probability.
    Random(f64),
    /// Two states; in the bad one packets are lost with `loss_in_bad`.
    GilbertElliott {
        /// Probability a packet to enter the bad state.
        to_bad: f64,
        /// Probability a packet to leave it.
        to_good: f64,
        /// Loss in the bad state.
        loss_in_bad: f64,
    },
}

impl Loss {
    pub(super) fn validate(&self) -> Result<(), LabError> {
        let all = match self {
            Self::None => vec![],
            Self::Random(p) => vec![*p],
            Self::GilbertElliott { to_bad, to_good, loss_in_bad } => vec![*to_bad, *to_good, *loss_in_bad],
        };
        if all.iter().all(|p| (0.0..=1.0).contains(p)) {
            Ok(())
        } else {
            Err(LabError::Config { field: "loss", value: format!("{self:?}"), expected: "probabilities from 0 to 1" })
        }
    }
}

/// A loss model in motion.
#[derive(Clone, Debug)]
pub struct LossState {
    model: Loss,
    bad: bool,
}

impl LossState {
    /// Starts in the good state.
    pub fn new(model: Loss) -> Self {
        Self { model, bad: false }
    }

    /// Whether the next packet is lost.
    pub fn loses(&mut self, rng: &mut Rng) -> bool {
        match self.model {
            Loss::None => false,
            Loss::Random(p) => rng.chance(p),
            Loss::GilbertElliott { to_bad, to_good, loss_in_bad } => {
                if rng.chance(if self.bad { to_good } else { to_bad }) {
                    self.bad = !self.bad;
                }
                self.bad && rng.chance(loss_in_bad)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_run_shares_are_the_models_own() {
        let share = |model, seed| {
            let (mut state, mut rng) = (LossState::new(model), Rng::new(seed));
            (0..400_000).filter(|_| state.loses(&mut rng)).count() as f64 / 400_000.0
        };
        assert!((share(Loss::Random(0.01), 1) - 0.01).abs() < 0.001);
        // Stationary share of the bad state: 0.01 / (0.01 + 0.1).
        let bursts = Loss::GilbertElliott { to_bad: 0.01, to_good: 0.1, loss_in_bad: 0.5 };
        assert!((share(bursts, 2) - 0.5 * 0.01 / 0.11).abs() < 0.004);
    }
}
