//! When attempts are due.

use std::time::Duration;

/// The pauses before the attempts of a delivery, the first of which is due at once: those of Standard Webhooks,
/// 75 hours in all.
const PAUSES: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(5 * 60 * 60),
    Duration::from_secs(10 * 60 * 60),
    Duration::from_secs(14 * 60 * 60),
    Duration::from_secs(20 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// How much a pause varies, up and down.
const JITTER: f64 = 0.2;

/// The pause after so many failed attempts. None if that was the last one. `asked` is the pause that the server
/// asked for, which is kept at least; `jitter` is a number between -1 and 1.
pub(super) fn pause_after(failed: usize, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    let pause = PAUSES.get(failed)?.mul_f64(jitter.clamp(-1.0, 1.0).mul_add(JITTER, 1.0));
    Some(pause.max(asked.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ten_attempts_are_spread_over_75_hours() {
        let pauses: Vec<_> = (1..).map_while(|failed| pause_after(failed, None, 0.0)).collect();

        assert_eq!(pauses.len(), 9);
        assert_eq!(pauses[..4], [5, 300, 1_800, 7_200].map(Duration::from_secs));
        assert_eq!(pauses.iter().sum::<Duration>().as_secs() / 3_600, 75);
        assert_eq!(pause_after(10, Some(SECOND), 0.0), None);
    }

    #[test]
    fn pauses_vary_by_a_fifth_and_are_never_shorter_than_what_the_server_asked_for() {
        for (failed, asked, jitter, expected) in [
            (2, None, -1.0, 240),
            (2, None, 1.0, 360),
            (2, None, 9.0, 360),
            (2, Some(10), 1.0, 360),
            (2, Some(400), 1.0, 400),
            (9, Some(86_400), -1.0, 86_400),
        ] {
            let found = pause_after(failed, asked.map(Duration::from_secs), jitter).expect("a pause");
            assert_eq!(found.as_secs_f64().round(), f64::from(expected), "{failed} {asked:?} {jitter}");
        }
    }
}
