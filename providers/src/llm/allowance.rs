//! What servers say of their limits before these are reached (research 1.1 and 1.4).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};

use super::hints::parse_span;

/// Longest rest because of a limit that is nearly reached.
const MAX_REST: TimeDelta = TimeDelta::minutes(10);

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Remaining {
    /// Requests or tokens.
    pub count: u64,
    /// When the limit is whole again.
    pub reset: DateTime<Utc>,
}

/// What is left of the limits of a model. None for a limit that the server does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub struct Allowance {
    /// Requests.
    pub requests: Option<Remaining>,
    /// Tokens, read and written.
    pub tokens: Option<Remaining>,
    /// Tokens that are read.
    pub input_tokens: Option<Remaining>,
    /// Tokens that are written.
    pub output_tokens: Option<Remaining>,
}

impl Allowance {
    /// What the headers of a response say: `x-ratelimit-remaining-requests` with
    /// `x-ratelimit-reset-requests` and the like of OpenAI,
    /// `anthropic-ratelimit-requests-remaining` with `anthropic-ratelimit-requests-reset` and
    /// the like of Anthropic. None where they name no limit. A reset is at most 10 minutes away.
    pub(super) fn in_headers(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        let of = |limit: &str| {
            let openai = ["x-ratelimit-remaining-", "x-ratelimit-reset-"];
            let [count, reset] = openai.map(|name| format!("{name}{limit}"));
            let anthropic = ["remaining", "reset"].map(|name| format!("anthropic-ratelimit-{limit}-{name}"));
            remaining(headers, &count, &reset, now)
                .or_else(|| remaining(headers, &anthropic[0], &anthropic[1], now))
        };
        let allowance = Self {
            requests: of("requests"),
            tokens: of("tokens"),
            input_tokens: of("input-tokens"),
            output_tokens: of("output-tokens"),
        };
        (allowance != Self::default()).then_some(allowance)
    }

    /// When a request that reads this many tokens is allowed, if it is not now. It is expected to
    /// write as many as it reads.
    fn refused_until(&self, input_tokens: u64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let lacks = |limit: Option<Remaining>, wanted: u64| {
            limit.filter(|limit| limit.reset > now && limit.count < wanted).map(|limit| limit.reset)
        };
        let resets = [
            lacks(self.requests, 1),
            lacks(self.tokens, input_tokens.saturating_mul(2)),
            lacks(self.input_tokens, input_tokens),
            lacks(self.output_tokens, input_tokens),
        ];
        resets.into_iter().flatten().max()
    }

    /// What is left after such a request.
    fn after(self, input_tokens: u64) -> Self {
        let less = |limit: Option<Remaining>, used: u64| {
            limit.map(|limit| Remaining { count: limit.count.saturating_sub(used), ..limit })
        };
        Self {
            requests: less(self.requests, 1),
            tokens: less(self.tokens, input_tokens.saturating_mul(2)),
            input_tokens: less(self.input_tokens, input_tokens),
            output_tokens: less(self.output_tokens, input_tokens),
        }
    }
}

fn remaining(headers: &HeaderMap, count: &str, reset: &str, now: DateTime<Utc>) -> Option<Remaining> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let count = text(count)?.parse().ok()?;
    let reset = text(reset)?;
    let reset = match parse_span(reset) {
        Some(span) => now + TimeDelta::from_std(span).unwrap_or(MAX_REST).min(MAX_REST),
        None => DateTime::parse_from_rfc3339(reset).ok()?.with_timezone(&Utc).min(now + MAX_REST),
    };
    Some(Remaining { count, reset })
}

/// The allowances of the models that this process asks, by the name of the model.
#[derive(Debug, Default)]
pub(super) struct Allowances(Mutex<HashMap<String, Allowance>>);

impl Allowances {
    /// Keeps what the server of a model said last.
    pub(super) fn keep(&self, model: &str, allowance: Allowance) {
        self.locked().insert(model.to_owned(), allowance);
    }

    /// Fails with the time when a request to the model that reads this many tokens is allowed,
    /// if it is not now. An allowed request is deducted until the server says more. A limit that
    /// was reset allows every request.
    pub(super) fn take(
        &self,
        model: &str,
        input_tokens: u64,
        now: DateTime<Utc>,
    ) -> Result<(), DateTime<Utc>> {
        let mut all = self.locked();
        let Some(allowance) = all.get_mut(model) else { return Ok(()) };
        if let Some(until) = allowance.refused_until(input_tokens, now) {
            return Err(until);
        }
        *allowance = allowance.after(input_tokens);
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Allowance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    fn read(headers: &[(&'static str, &str)]) -> Option<Allowance> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        Allowance::in_headers(&map, at(0))
    }

    fn left(count: u64, second: i64) -> Option<Remaining> {
        Some(Remaining { count, reset: at(second) })
    }

    #[test]
    fn reads_the_headers_of_both_vendors() {
        let openai = read(&[
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        let expected =
            Allowance { requests: left(59, 1), tokens: left(149_984, 360), ..Allowance::default() };
        assert_eq!(openai, Some(expected));
        let reset = at(30).to_rfc3339();
        let anthropic = read(&[
            ("anthropic-ratelimit-input-tokens-remaining", "7"),
            ("anthropic-ratelimit-input-tokens-reset", reset.as_str()),
        ]);
        assert_eq!(anthropic, Some(Allowance { input_tokens: left(7, 30), ..Allowance::default() }));
    }

    #[test]
    fn headers_that_say_nothing_certain_limit_nothing() {
        let table: [&[(&'static str, &str)]; 4] = [
            &[],
            &[("x-ratelimit-remaining-requests", "0")],
            &[("x-ratelimit-remaining-requests", "-1"), ("x-ratelimit-reset-requests", "1s")],
            &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "soon")],
        ];
        for headers in table {
            assert_eq!(read(headers), None, "{headers:?}");
        }
        let far = read(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "9h")]);
        assert_eq!(far.and_then(|allowance| allowance.tokens), left(0, 600), "at most ten minutes");
    }

    #[test]
    fn what_does_not_suffice_rests_until_the_latest_reset() {
        let all = Allowances::default();
        all.keep(
            "a/small",
            Allowance { requests: left(9, 5), tokens: left(100, 20), ..Allowance::default() },
        );
        assert_eq!(all.take("a/small", 51, at(0)), Err(at(20)));
        assert_eq!(all.take("a/small", 51, at(20)), Ok(()), "it was reset");
        assert_eq!(all.take("a/large", 51, at(0)), Ok(()), "nothing is known of it");
    }

    #[test]
    fn requests_under_way_are_deducted() {
        let all = Allowances::default();
        all.keep("a/small", Allowance { requests: left(2, 5), ..Allowance::default() });
        let taken = [(); 3].map(|()| all.take("a/small", 1, at(0)));
        assert_eq!(taken, [Ok(()), Ok(()), Err(at(5))]);
    }
}
