//! The state machine of jobs. Every UPDATE of a job's state is guarded by the states that it
//! may come from. `docs/jobs.md` draws the same table.

use atelier_entities::JobState;

/// The states `state` may become.
#[must_use]
pub const fn successors(state: JobState) -> &'static [JobState] {
    use JobState::{Available, Cancelled, Discarded, Failed, Retrying, Running, Scheduled, Succeeded};
    match state {
        Scheduled | Retrying => &[Available, Cancelled, Discarded],
        Available => &[Running, Cancelled, Discarded],
        Running => &[Succeeded, Failed, Cancelled, Retrying, Scheduled, Available],
        // An operator or the owner may retry an ended job.
        Failed | Cancelled => &[Available, Discarded],
        Discarded => &[Available],
        Succeeded => &[],
    }
}

/// Whether `from` may become `to`.
#[must_use]
pub fn can_become(from: JobState, to: JobState) -> bool {
    successors(from).contains(&to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_final() {
        assert!(JobState::ALL.iter().all(|to| !can_become(JobState::Succeeded, *to)));
    }

    #[test]
    fn a_claim_keeps_the_phase_and_an_end_does_not() {
        assert_eq!(JobState::Available.phase(), JobState::Running.phase());
        for state in JobState::ALL {
            assert_eq!(state.phase() >= 2, state.is_terminal(), "{state}");
        }
    }

    #[test]
    fn only_available_jobs_start() {
        let starters: Vec<_> =
            JobState::ALL.iter().filter(|from| can_become(**from, JobState::Running)).collect();

        assert_eq!(starters, [&JobState::Available]);
    }

    #[test]
    fn every_waiting_job_can_be_cancelled() {
        for from in [JobState::Scheduled, JobState::Available, JobState::Running, JobState::Retrying] {
            assert!(can_become(from, JobState::Cancelled), "{from}");
        }
    }
}
