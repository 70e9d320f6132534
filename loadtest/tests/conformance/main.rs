//! One list of behaviours that every way of running Piton has to show: the test engine, and the real stack.
//!
//! A case sees a [`Stack`](stack::Stack) and does not know which. So what a test under the engine proves of a workflow
//! holds for the workflow in production, or a case here is missing.

mod cases;
mod engine;
mod examples;
mod fan;
mod flows;
mod heard;
mod real;
mod stack;
mod tally;

/// Every case on every stack.
macro_rules! conformance {
    ($($group:ident: $($case:ident)*;)*) => {
        mod on_the_engine {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::cases::$group::$case(&crate::engine::Engine::new()).await;
                }
            )*)*
        }

        mod on_the_stack {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let stack = crate::real::Real::start().await;
                    crate::cases::$group::$case(&stack).await;
                    stack.stop().await;
                }
            )*)*
        }
    };
}

conformance! {
    steps:
        results_go_from_step_to_step
        calls_run_side_by_side
        a_failed_try_is_tried_again_until_it_succeeds
        a_permanent_failure_is_not_tried_again
        tries_are_used_up
        a_panic_is_a_failed_try
        a_try_that_takes_too_long_times_out
        a_step_that_takes_too_long_times_out
        the_workflow_may_catch_a_failure_and_go_on;
    time:
        a_short_sleep_stays_in_memory_and_a_long_one_leaves_it
        what_is_drawn_is_the_same_in_every_replay
        time_goes_forward;
    beside:
        branches_come_in_the_order_they_were_asked_for
        the_first_failure_of_branches_withdraws_the_rest
        gathered_values_have_their_names_in_keys
        a_block_has_a_scope_of_its_own
        the_first_of_a_race_is_pinned_and_the_rest_withdrawn
        a_deadline_passes_or_does_not
        given_away_steps_are_tried_again;
    batches:
        every_item_has_an_outcome
        a_batch_stops_at_the_first_failure_if_told
        outputs_of_a_map_come_in_order
        an_empty_batch_is_over_at_once;
    state:
        what_was_written_is_read_again
        a_session_outlives_its_runs
        a_conditional_write_loses_to_another_version;
    ends:
        a_cancel_is_told_and_made_good
        a_kill_ends_the_run_there
        a_crash_repeats_the_step_under_the_same_key
        a_crash_repeats_nothing_that_was_journaled
        an_idempotency_key_starts_one_run;
    events:
        an_event_starts_each_workflow_once
        an_event_is_known_by_its_id
        an_event_that_does_not_fit_says_why;
    parks:
        other_code_than_the_journal_has
        a_panic_of_the_workflow
        an_input_of_another_type
        a_function_that_nobody_has
        an_await_that_is_not_durable;
}
