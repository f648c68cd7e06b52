//! The product over HTTP, from the request to what came of it.

mod access;
mod admin;
mod bodies;
mod circuits;
mod confined;
mod credits;
mod deactivation;
mod document;
mod encrypted;
mod erasure;
mod events;
mod idempotency;
mod journey;
mod leaving;
mod limits;
mod mail;
mod matrix;
mod model;
mod oauth;
mod ownership;
mod plans;
mod races;
mod reclaim;
mod refusals;
mod roles;
mod sessions;
mod sites;
mod steering;
mod survival;
mod timing;
mod tokens;
mod undone;
mod writes;

/// Runs each case on both ways to run, as tests of their own.
macro_rules! both_ways {
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

both_ways! {
    admin::a_deactivated_persons_tokens_end_at_once,
    admin::of_admins_who_act_on_each_other_at_once_one_stays,
    admin::a_balance_set_twice_at_once_moves_once,
    admin::old_entries_are_archived_before_they_are_deleted,
    admin::the_health_of_every_part_is_shown,
    admin::growth_is_counted_in_the_days_of_a_time_zone,
    admin::accounts_are_found_by_part_of_their_name,
    journey::a_description_becomes_a_published_site,
    journey::a_second_version_replaces_the_first_and_can_be_undone,
    journey::a_deleted_project_takes_its_site_along,
    erasure::an_erasure_reaches_jobs_suppressions_and_archives,
    leaving::an_account_is_erased_while_others_are_answered,
    events::a_stream_goes_on_where_the_connection_was_cut,
    events::what_happened_meanwhile_is_told_afterwards,
    ownership::what_is_anothers_is_not_there,
    idempotency::a_repeated_request_is_done_and_charged_once,
    credits::the_sixth_quick_generation_is_not_paid_for,
    credits::a_generation_that_fails_is_paid_back,
    circuits::a_generation_waits_while_the_circuit_is_open,
    circuits::a_trial_that_fails_opens_the_circuit_again,
    circuits::what_owners_do_to_their_jobs_is_recorded,
    deactivation::what_waits_and_what_runs_is_stopped_and_paid_back,
    deactivation::claims_at_the_same_moment_lose_no_credit,
    model::a_generation_is_cancelled_while_the_model_writes,
    races::credits_are_not_spent_twice_by_requests_at_once,
    races::an_address_is_registered_once,
    reclaim::whoever_was_there_before_the_owner_is_left_with_nothing,
    races::a_project_that_is_deleted_while_it_is_generated_leaves_nothing,
    refusals::a_nul_is_an_answer_and_not_an_accident,
    steering::what_waits_is_cancelled_at_once_and_paid_back,
    steering::a_project_is_published_once_at_a_time,
    oauth::a_person_signs_in_at_each_provider_and_is_known_again,
    oauth::a_client_ends_its_sign_in_itself,
    oauth::a_proven_address_links_and_an_unproven_one_does_not,
    sessions::a_sign_in_lasts_over_refreshes_until_the_sign_out,
}
