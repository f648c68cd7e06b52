//! The conformance suite of the queue: every case runs on both transports and both
//! databases.

mod bed;
mod broken;
mod bulk;
mod deferred;
mod ends;
mod fences;
mod flow;
mod leases;
mod limits;
mod locks;
mod model;
mod names;
mod recover;
mod recovery;
mod retention;
mod room;
mod running;
mod scaling;
mod stage;
mod steering;
mod twelve;
mod upkeep;
mod watching;
mod why;

/// Runs each case on each bed, as tests of their own.
macro_rules! conformance {
    ($($area:ident::$case:ident),+ $(,)?) => {
        mod sqlite_in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::bed::Bed::sqlite_in_process().await).await;
            })+
        }
        mod sqlite_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::bed::Bed::sqlite_redis().await).await;
            })+
        }
        mod postgres_in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::bed::Bed::postgres_in_process().await).await;
            })+
        }
        mod postgres_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::bed::Bed::postgres_redis().await).await;
            })+
        }
    };
}

conformance! {
    running::a_job_runs_once_and_keeps_its_result,
    running::a_batch_over_two_workers_runs_each_job_once,
    running::a_rolled_back_enqueue_leaves_nothing,
    running::a_second_enqueue_of_a_unique_key_answers_the_first,
    running::an_enqueue_answers_the_job_as_it_is_stored,
    running::a_status_has_what_the_row_has,
    running::concurrent_enqueues_of_a_unique_key_make_one_job,
    running::concurrent_enqueues_are_each_there_when_they_are_answered,
    running::an_enqueue_that_cannot_be_written_fails_alone,
    running::a_delayed_job_waits_for_its_time,
    running::args_beyond_the_bound_are_refused,
    broken::nothing_is_done_after_an_error,
    broken::a_part_of_deferred_work_that_failed_is_undone_alone,
    broken::a_statement_that_nobody_waits_for_ends_its_transaction,
    broken::commits_of_a_piece_of_work_are_counted,
    deferred::deferred_commits_are_one,
    deferred::a_part_of_deferred_work_is_undone_alone,
    deferred::deferred_work_that_is_not_committed_leaves_nothing,
    deferred::transactions_of_deferred_work_take_turns,
    deferred::what_waited_starts_once_a_deferred_resume_is_committed,
    ends::an_error_is_retried_and_recorded,
    ends::the_last_attempt_fails_the_job,
    ends::an_error_that_cannot_pass_fails_at_once,
    ends::a_panic_is_an_attempt_and_the_worker_goes_on,
    ends::an_attempt_ends_at_its_time_limit,
    ends::a_snooze_spends_no_attempt,
    ends::a_handler_may_cancel_its_job,
    ends::args_that_cannot_be_read_wait_for_a_version_that_can,
    ends::args_that_nobody_reads_in_a_day_fail_the_job,
    ends::a_result_beyond_the_bound_fails_the_job,
    ends::effects_happen_once_with_the_end,
    ends::an_effect_that_fails_is_tried_again_with_the_end,
    ends::retention_deletes_what_ended_long_ago,
    ends::rows_are_deleted_batch_after_batch,
    recovery::a_dead_workers_job_runs_again_and_its_end_is_fenced_off,
    recovery::a_job_that_kills_its_workers_fails_after_its_limit,
    recovery::an_effect_that_fails_for_a_day_is_given_up,
    recovery::a_drain_hands_jobs_back_without_counting_the_attempt,
    recovery::a_transport_that_forgets_everything_loses_nothing,
    recovery::a_claim_whose_answer_is_lost_costs_no_attempt,
    recovery::a_cancelled_job_of_a_dead_worker_ends_cancelled,
    recovery::schedules_fire_once_whatever_the_number_of_schedulers,
    fences::an_attempt_whose_job_was_taken_writes_nothing_any_more,
    fences::an_attempt_of_an_ended_job_writes_nothing_any_more,
    fences::lines_that_are_written_at_the_same_time_are_all_kept,
    leases::exactly_what_runs_is_leased,
    leases::a_heartbeat_drops_from_a_lease_what_has_ended,
    leases::a_claim_that_takes_nothing_leaves_no_lease,
    leases::leases_are_gone_soon_after_what_they_held,
    leases::a_lease_that_nobody_keeps_and_under_which_nothing_runs_is_forgotten,
    leases::a_lease_names_jobs_that_are_gone_in_vain,
    leases::one_dead_worker_of_two_loses_its_jobs_only,
    steering::a_waiting_job_is_cancelled_at_once,
    steering::a_running_job_is_cancelled_while_it_runs,
    steering::an_ended_job_cannot_be_cancelled,
    steering::a_failed_job_can_be_run_again,
    steering::a_paused_queue_starts_nothing,
    steering::another_owner_sees_and_cancels_nothing,
    steering::a_waiting_job_says_why,
    upkeep::a_schedule_of_another_expression_is_armed_anew,
    upkeep::a_schedule_that_fails_keeps_no_other_from_firing,
    why::an_owners_limit_says_which_jobs_hold_it,
    why::a_queues_limit_and_its_rate_say_so,
    why::a_retry_says_after_which_error,
    why::what_waits_for_something_outside_says_for_what_and_spends_no_attempt,
    why::a_place_in_line_comes_with_an_estimate,
    flow::urgent_goes_before_normal_before_bulk,
    flow::jobs_with_a_unique_key_take_their_owners_turns_too,
    flow::one_job_does_not_wait_for_another_owners_hundreds,
    flow::one_job_that_comes_an_hour_later_does_not_wait_for_them_either,
    flow::what_is_urgent_goes_before_its_own_owners_backlog,
    flow::jobs_that_are_run_again_take_their_owners_turns,
    flow::no_more_run_than_the_concurrency_allows,
    flow::a_kind_that_no_worker_knows_waits_for_one_that_does,
    flow::a_job_not_started_in_time_is_cancelled,
    flow::jobs_under_an_earlier_name_are_run,
    flow::jobs_under_an_earlier_name_have_their_effects,
    flow::a_debounced_series_runs_its_last_once,
    flow::a_series_that_is_never_quiet_is_run_all_the_same,
    flow::what_replaces_a_debounced_job_is_checked_like_any_other,
    flow::a_throttled_key_runs_once_in_a_period,
    limits::no_more_run_over_all_workers_than_the_queue_allows,
    limits::no_more_of_one_owner_run_than_the_queue_allows,
    limits::whoever_may_start_no_more_keeps_nobody_waiting,
    limits::no_more_start_in_a_period_than_the_rate_allows,
    limits::a_rate_that_is_set_anew_starts_no_more,
    limits::limits_that_change_at_once_keep_each_other,
    limits::a_limit_that_is_lifted_holds_nothing_back,
    bulk::failed_jobs_are_run_again_by_filter,
    bulk::jobs_of_all_phases_are_selected_oldest_first,
    bulk::a_list_is_counted_up_to_its_bound,
    bulk::waiting_jobs_are_cancelled_and_discarded_by_filter,
    scaling::the_load_of_a_queue_is_counted,
    scaling::a_filter_survives_being_stored,
    scaling::the_transport_tells_how_it_evicts,
    watching::a_watcher_is_told_everything_in_order,
    watching::a_watcher_goes_on_where_it_left_off,
    watching::a_watcher_of_a_job_that_is_gone_ends,
}
