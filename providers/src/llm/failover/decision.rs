//! What happens after an error: the class table.

use std::time::Duration;

use super::super::LlmError;

/// The first wait before a provider is asked again; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait that a provider may ask for and still be asked again by the same request.
const MAX_FLOOR: Duration = Duration::from_secs(10);

/// What follows an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The same provider again, after this wait.
    Retry(Duration),
    /// The next provider.
    Provider,
    /// The end.
    Stop,
}

/// Where a generation is when a request fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// Retries of this provider so far.
    pub(super) retries: u32,
    /// Most of them.
    pub(super) max_retries: u32,
    /// Whether no provider follows.
    pub(super) is_last: bool,
    /// Whether text had arrived.
    pub(super) has_text: bool,
    /// Whether a model with a larger context follows.
    pub(super) larger_follows: bool,
    /// Between 0 and 1.
    pub(super) random: f64,
}

/// The class table.
pub(super) fn next(error: &LlmError, situation: Situation) -> Next {
    let Situation { retries, max_retries, is_last, has_text, larger_follows, random } = situation;
    let may_retry = retries < max_retries;
    let is_best_here = is_last || !has_text;
    let again = |floor| Next::Retry(wait(retries, floor, random));
    match error {
        LlmError::Transient { .. } if may_retry && is_best_here => again(Duration::ZERO),
        LlmError::Timeout { .. } if may_retry && is_best_here && retries == 0 => again(Duration::ZERO),
        LlmError::Unusable { .. } if may_retry && is_last && retries == 0 => again(Duration::ZERO),
        LlmError::RateLimited { after: Some(after), .. } if may_retry && is_last && *after <= MAX_FLOOR => {
            again(*after)
        }
        LlmError::Transient { .. }
        | LlmError::Timeout { .. }
        | LlmError::Unusable { .. }
        | LlmError::RateLimited { .. }
        | LlmError::Quota { .. }
        | LlmError::Auth { .. }
        | LlmError::CircuitOpen { .. } => Next::Provider,
        LlmError::ContextTooLong { .. } if larger_follows => Next::Provider,
        LlmError::ContextTooLong { .. }
        | LlmError::ContentFilter { .. }
        | LlmError::BadRequest { .. }
        | LlmError::NotUnderstood { .. }
        | LlmError::OverBudget { .. } => Next::Stop,
    }
}

/// 1, 2, 4 s with full jitter, on top of what the provider asked for.
fn wait(retries: u32, floor: Duration, random: f64) -> Duration {
    let most = FIRST_WAIT * 2_u32.saturating_pow(retries.min(6));
    floor + most.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        "x".to_owned()
    }

    const FRESH: Situation = Situation {
        retries: 0,
        max_retries: 3,
        is_last: false,
        has_text: false,
        larger_follows: false,
        random: 1.0,
    };
    const SECOND: Next = Next::Retry(Duration::from_secs(1));

    #[test]
    fn each_class_has_its_way() {
        let short = Some(Duration::from_secs(2));
        let long = Some(Duration::from_secs(60));
        // Before the first text, with text and a provider after, at the last provider.
        let table = [
            (LlmError::Transient { message: text() }, SECOND, Next::Provider, SECOND),
            (LlmError::Timeout { message: text() }, SECOND, Next::Provider, SECOND),
            (LlmError::Unusable { message: text() }, Next::Provider, Next::Provider, SECOND),
            (
                LlmError::RateLimited { message: text(), after: None },
                Next::Provider,
                Next::Provider,
                Next::Provider,
            ),
            (
                LlmError::RateLimited { message: text(), after: short },
                Next::Provider,
                Next::Provider,
                Next::Retry(Duration::from_secs(3)),
            ),
            (
                LlmError::RateLimited { message: text(), after: long },
                Next::Provider,
                Next::Provider,
                Next::Provider,
            ),
            (
                LlmError::Quota { message: text(), until: None },
                Next::Provider,
                Next::Provider,
                Next::Provider,
            ),
            (LlmError::Auth { message: text() }, Next::Provider, Next::Provider, Next::Provider),
            (LlmError::ContextTooLong { message: text() }, Next::Stop, Next::Stop, Next::Stop),
            (LlmError::ContentFilter { message: text() }, Next::Stop, Next::Stop, Next::Stop),
            (LlmError::BadRequest { message: text() }, Next::Stop, Next::Stop, Next::Stop),
            (LlmError::NotUnderstood { message: text() }, Next::Stop, Next::Stop, Next::Stop),
            (LlmError::OverBudget { message: text() }, Next::Stop, Next::Stop, Next::Stop),
        ];
        for (error, fresh, midway, last) in table {
            assert_eq!(next(&error, FRESH), fresh, "{error}");
            assert_eq!(next(&error, Situation { has_text: true, ..FRESH }), midway, "{error}");
            assert_eq!(next(&error, Situation { is_last: true, ..FRESH }), last, "{error}");
        }
        let long = LlmError::ContextTooLong { message: text() };
        assert_eq!(next(&long, Situation { larger_follows: true, ..FRESH }), Next::Provider);
    }

    #[test]
    fn waits_double_and_have_full_jitter() {
        let error = LlmError::Transient { message: text() };
        let at = |retries, random| next(&error, Situation { retries, random, ..FRESH });
        let waits = [0, 1, 2].map(|retries| at(retries, 1.0));
        assert_eq!(waits, [1, 2, 4].map(|seconds| Next::Retry(Duration::from_secs(seconds))));
        assert_eq!(at(2, 0.0), Next::Retry(Duration::ZERO));
        assert_eq!(at(3, 1.0), Next::Provider);
    }

    #[test]
    fn a_timeout_is_retried_once() {
        let error = LlmError::Timeout { message: text() };
        assert_eq!(next(&error, Situation { retries: 1, ..FRESH }), Next::Provider);
    }
}
