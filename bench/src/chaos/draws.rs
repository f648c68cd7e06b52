//! Choices by random numbers in 0..1 that were drawn before.

use std::time::Duration;

/// The index of one of `count` items; none where there are none.
pub(super) fn pick(draw: f64, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "nobody picks among 2^52 things")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the product is bounded")]
    let index = (draw.clamp(0.0, 1.0) * count as f64) as usize;
    Some(index.min(last))
}

/// A duration from `least` to `most`.
pub(super) fn between(draw: f64, least: Duration, most: Duration) -> Duration {
    least + most.saturating_sub(least).mul_f64(draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_every_thing_and_no_other() {
        for (draw, count, picked) in
            [(0.0, 3, Some(0)), (0.34, 3, Some(1)), (0.99, 3, Some(2)), (1.0, 3, Some(2)), (0.5, 0, None)]
        {
            assert_eq!(pick(draw, count), picked, "{draw} of {count}");
        }
    }

    #[test]
    fn stays_between_the_two() {
        let (least, most) = (Duration::from_secs(2), Duration::from_secs(4));

        assert_eq!(between(0.0, least, most), least);
        assert_eq!(between(0.5, least, most), Duration::from_secs(3));
        assert_eq!(between(1.0, least, most), most);
    }
}
