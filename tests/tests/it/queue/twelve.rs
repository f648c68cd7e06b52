//! The twelve points that users of job systems notice (a to l), each shown by a test.
//! Where a case of the conformance suite shows it, on every bed, it is not shown a
//! second time:
//!
//! | point | shown by |
//! |---|---|
//! | a: a snooze burns no attempt | `ends::a_snooze_spends_no_attempt`, `model` |
//! | b: an interrupt burns no attempt and adds no error | `recovery::a_drain_hands_jobs_back_without_counting_the_attempt`, `b_…` |
//! | c: an undecodable payload waits on a schedule of its own and ends | `ends::args_that_nobody_reads_in_a_day_fail_the_job` |
//! | d: a job deleted while it runs breaks no other's end | `ends::d_…`, `model` |
//! | e: a rescue looks at the state again | `ends::e_…`, `model` |
//! | f: fetch loops have jitter | the unit tests of `claim_loop` |
//! | g: every call has a bound | `stalls::g_…` |
//! | h: lost news is logged, and costs no more than a heartbeat | `ends::h_…` |
//! | i: a rescue is not starved | `rescues::i_…` |
//! | j: no timeout is zero or negative | `ends::j_…` |
//! | k: a drain ends with the last job | `ends::k_…` |
//! | l: a crashing queue takes no other down | `rescues::l_…` |

pub(super) mod crew;
mod ends;
mod proxy;
mod rescues;
mod stalls;
