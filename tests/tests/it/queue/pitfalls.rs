//! Twelve known pitfalls of job queues (a to l), each with a test. Cases of the conformance
//! suite, which run with every fixture, are listed and not repeated:
//!
//! | pitfall | test |
//! |---|---|
//! | a: a snooze counts no attempt | `ends::a_snooze_spends_no_attempt`, `model` |
//! | b: an interrupt counts no attempt and adds no error | `recovery::a_drain_hands_jobs_back_without_counting_the_attempt`, `b_…` |
//! | c: a job with undecodable args is retried separately and ends | `ends::args_that_no_version_reads_for_a_day_fail_the_job` |
//! | d: deleting a running job does not break other ends | `ends::d_…`, `model` |
//! | e: a rescue checks the state again | `ends::e_…`, `model` |
//! | f: fetch loops have jitter | the unit tests of `claim_loop` |
//! | g: every call has a time limit | `stalls::g_…` |
//! | h: lost messages are logged, and cost at most a heartbeat | `ends::h_…` |
//! | i: nothing starves a rescue | `rescues::i_…` |
//! | j: no timeout is zero or negative | `ends::j_…` |
//! | k: a drain ends with the last job | `ends::k_…` |
//! | l: crashing jobs do not affect other queues | `rescues::l_…` |

mod ends;
mod proxy;
mod rescues;
mod stalls;
pub(super) mod workers;
