//! Tests of the product over HTTP.

mod access;
mod admin;
mod aimock;
mod answers;
mod bodies;
mod circuits;
mod crashes;
mod credits;
mod deactivation;
mod document;
mod erasure;
mod events;
mod failover;
mod heavy_account;
mod idempotency;
mod journey;
mod limits;
mod mail;
mod matrix;
mod model;
mod oauth;
mod ownership;
mod plans;
mod processes;
mod races;
mod redis_acl;
mod redis_tls;
mod rejections;
mod rollbacks;
mod runs;
mod sessions;
mod site_hosts;
mod sites;
mod steering;
mod takeover;
mod timing;
mod tokens;
mod workflows;
mod write_faults;

/// Runs each case embedded and scaled out, as separate tests.
macro_rules! both_modes {
    ($($area:ident::$case:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(atelier_tests::AppSetup::embedded()).await;
            })+
        }
        mod scaled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$area::$case(atelier_tests::AppSetup::scaled().await).await;
            })+
        }
    };
}

both_modes! {
    admin::a_deactivated_persons_tokens_end_at_once,
    admin::concurrent_removals_of_administrators_leave_one,
    admin::a_balance_set_twice_concurrently_changes_once,
    admin::old_entries_are_archived_before_they_are_deleted,
    admin::the_health_of_every_part_is_reported,
    admin::growth_is_counted_by_days_of_a_time_zone,
    admin::accounts_are_found_by_part_of_their_name,
    journey::a_description_becomes_a_published_site,
    journey::a_second_version_replaces_the_first_and_can_be_undone,
    journey::a_deleted_project_takes_its_site_along,
    erasure::an_erasure_reaches_jobs_suppressions_and_archives,
    heavy_account::an_account_is_erased_while_others_are_answered,
    events::a_stream_resumes_where_the_connection_was_closed,
    events::a_late_stream_receives_earlier_events,
    ownership::data_of_other_people_is_404,
    idempotency::a_repeated_request_is_executed_and_charged_once,
    credits::the_sixth_quick_generation_exceeds_the_credits,
    credits::a_failed_generation_is_refunded,
    circuits::a_generation_waits_while_the_circuit_is_open,
    circuits::a_failed_trial_request_opens_the_circuit_again,
    circuits::actions_of_owners_on_jobs_are_recorded,
    deactivation::waiting_and_running_generations_are_stopped_and_refunded,
    deactivation::concurrent_claims_lose_no_credit,
    model::a_generation_is_cancelled_while_the_model_writes,
    races::concurrent_requests_do_not_spend_credits_twice,
    races::an_address_is_registered_once,
    takeover::a_takeover_removes_all_former_access,
    races::a_project_that_is_deleted_while_it_is_generated_leaves_nothing,
    rejections::a_nul_is_rejected_without_an_internal_error,
    steering::a_waiting_generation_is_cancelled_at_once_and_refunded,
    steering::a_project_is_published_once_at_a_time,
    oauth::a_person_signs_in_with_each_provider_and_is_recognized,
    oauth::a_client_completes_its_sign_in_itself,
    oauth::only_a_verified_address_links_an_account,
    sessions::a_sign_in_survives_refreshes_until_the_sign_out,
    runs::a_run_is_followed_answered_and_read,
    runs::a_run_is_paused_resumed_and_cancelled,
    runs::a_nul_is_refused_or_stored_and_read_again,
    runs::the_examples_run_to_their_ends,
    workflows::a_draft_is_published_and_what_is_published_stays,
    workflows::a_project_has_no_more_workflows_than_it_may,
}
