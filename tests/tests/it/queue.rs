//! The conformance suite of the queue: every case runs with both transports and both
//! databases.

mod broken;
mod bulk;
mod deferred;
mod disk_full;
mod ends;
mod fences;
mod fixture;
mod flow;
mod leases;
mod limits;
mod locks;
mod model;
mod names;
mod pitfalls;
mod recovery;
mod recovery_time;
mod retention;
mod running;
mod scaling;
mod schedules;
mod scripted;
mod steering;
mod watching;
mod why;

/// Runs each case with each fixture, as separate tests.
macro_rules! conformance {
    ($($area:ident::$case:ident),+ $(,)?) => {
        mod sqlite_in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::fixture::Fixture::sqlite_in_process().await).await;
            })+
        }
        mod sqlite_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::fixture::Fixture::sqlite_redis().await).await;
            })+
        }
        mod postgres_in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::fixture::Fixture::postgres_in_process().await).await;
            })+
        }
        mod postgres_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(super::fixture::Fixture::postgres_redis().await).await;
            })+
        }
    };
}

conformance! {
    running::a_job_runs_once_and_keeps_its_result,
    running::a_batch_over_two_workers_runs_each_job_once,
    running::a_rolled_back_enqueue_leaves_nothing,
    running::a_second_enqueue_of_a_unique_key_returns_the_first_job,
    running::an_enqueue_returns_the_stored_job,
    running::a_status_has_what_the_row_has,
    running::concurrent_enqueues_of_a_unique_key_make_one_job,
    running::concurrent_enqueues_are_committed_when_they_return,
    running::an_enqueue_that_cannot_be_written_fails_alone,
    running::a_delayed_job_waits_for_its_time,
    running::args_beyond_the_limit_are_rejected,
    broken::a_transaction_ends_with_its_first_error,
    broken::a_failed_part_of_deferred_work_is_rolled_back_alone,
    broken::a_dropped_statement_ends_its_transaction,
    broken::commits_are_counted,
    deferred::deferred_commits_are_one_commit,
    deferred::a_part_of_deferred_work_is_rolled_back_alone,
    deferred::deferred_work_that_is_not_committed_leaves_nothing,
    deferred::transactions_of_deferred_work_take_turns,
    deferred::waiting_jobs_start_after_the_commit_of_a_deferred_resume,
    ends::an_error_is_retried_and_recorded,
    ends::the_last_attempt_fails_the_job,
    ends::a_permanent_error_fails_the_job_at_once,
    ends::a_panic_counts_as_an_attempt_and_the_worker_continues,
    ends::an_attempt_ends_at_its_time_limit,
    ends::a_snooze_spends_no_attempt,
    ends::a_handler_may_cancel_its_job,
    ends::unreadable_args_wait_for_a_version_that_can_read_them,
    ends::args_that_no_version_reads_for_a_day_fail_the_job,
    ends::a_result_beyond_the_limit_fails_the_job,
    ends::effects_happen_once_with_the_end,
    ends::a_failed_effect_is_retried_with_the_end,
    ends::a_failed_effect_does_not_block_other_ends,
    ends::ends_with_effects_are_written_together,
    ends::retention_deletes_old_ended_jobs,
    ends::rows_are_deleted_in_batches,
    recovery::a_dead_workers_job_runs_again_and_its_end_is_fenced_off,
    recovery::a_job_that_kills_its_workers_fails_after_its_limit,
    recovery::an_effect_that_fails_for_a_day_is_abandoned,
    recovery::a_drain_hands_jobs_back_without_counting_the_attempt,
    recovery::no_job_is_lost_when_the_transport_loses_all_ids,
    recovery::a_claim_whose_answer_is_lost_costs_no_attempt,
    recovery::a_cancelled_job_of_a_dead_worker_ends_cancelled,
    recovery::schedules_fire_once_whatever_the_number_of_schedulers,
    fences::an_attempt_whose_job_was_claimed_again_writes_nothing,
    fences::an_attempt_of_an_ended_job_writes_nothing,
    fences::concurrent_log_lines_are_all_stored,
    leases::exactly_the_running_jobs_are_leased,
    leases::a_heartbeat_removes_ended_jobs_from_a_lease,
    leases::a_claim_without_jobs_writes_no_lease,
    leases::leases_are_deleted_after_their_jobs_ended,
    leases::an_expired_lease_without_running_jobs_is_deleted,
    leases::a_lease_of_deleted_jobs_is_deleted,
    leases::a_dead_worker_loses_only_its_own_jobs,
    steering::a_waiting_job_is_cancelled_at_once,
    steering::a_running_job_is_cancelled_while_it_runs,
    steering::an_ended_job_cannot_be_cancelled,
    steering::a_failed_job_can_be_run_again,
    steering::a_paused_queue_starts_no_job,
    steering::another_owner_can_neither_read_nor_cancel_a_job,
    steering::a_waiting_job_says_why,
    schedules::a_changed_expression_sets_the_next_fire_time_again,
    schedules::a_schedule_that_fails_does_not_block_the_others,
    why::why_names_the_jobs_that_use_up_an_owners_limit,
    why::why_names_the_limit_and_the_rate_of_a_queue,
    why::why_names_the_error_before_a_retry,
    why::waiting_for_an_external_service_counts_no_attempt_and_is_explained,
    why::why_estimates_the_start_of_a_waiting_job,
    flow::urgent_goes_before_normal_before_bulk,
    flow::jobs_with_a_unique_key_take_their_owners_turns_too,
    flow::a_single_job_does_not_wait_for_another_owners_backlog,
    flow::a_single_job_enqueued_an_hour_later_does_not_wait_for_the_backlog,
    flow::an_urgent_job_goes_before_its_owners_backlog,
    flow::retried_jobs_take_a_turn_of_their_owner,
    flow::no_more_run_than_the_concurrency_allows,
    flow::an_unknown_kind_waits_for_a_worker_that_knows_it,
    flow::a_job_not_started_in_time_is_cancelled,
    flow::jobs_not_started_in_time_are_cancelled_together,
    flow::jobs_under_an_earlier_name_are_run,
    flow::jobs_under_an_earlier_name_have_their_effects,
    flow::only_the_last_job_of_a_debounced_series_runs,
    flow::a_debounced_series_without_a_quiet_time_runs_in_the_end,
    flow::the_replacement_of_a_debounced_job_is_validated,
    flow::a_throttled_key_runs_once_in_a_period,
    limits::no_more_run_over_all_workers_than_the_queue_allows,
    limits::no_more_of_one_owner_run_than_the_queue_allows,
    limits::an_owner_at_their_limit_does_not_block_others,
    limits::no_more_start_in_a_period_than_the_rate_allows,
    limits::a_changed_rate_counts_earlier_starts,
    limits::concurrent_changes_of_limits_are_all_kept,
    limits::a_removed_limit_blocks_no_job,
    bulk::failed_jobs_are_run_again_by_filter,
    bulk::jobs_of_all_phases_are_selected_oldest_first,
    bulk::a_list_is_counted_up_to_the_limit,
    bulk::waiting_jobs_are_cancelled_and_discarded_by_filter,
    bulk::many_jobs_are_cancelled_together_with_their_effects,
    bulk::a_failed_effect_ends_each_job_of_a_bulk_action_alone,
    scaling::the_load_of_a_queue_is_counted,
    scaling::a_filter_can_be_stored_and_read_again,
    scaling::the_transport_reports_its_eviction_policy,
    watching::a_watcher_receives_all_updates_in_order,
    watching::a_watcher_resumes_where_it_stopped,
    watching::a_watcher_of_a_deleted_job_ends,
}
