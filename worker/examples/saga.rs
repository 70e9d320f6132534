//! A trip booked by hand: hotel, flight and car, and what was booked is given back if a later booking fails or the run is
//! cancelled.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example saga`, then
//! `piton run start trip --input '"Delphi"' --wait`.

use piton::prelude::*;

/// Books one thing. It is given back by its name.
#[function(retries = 2)]
async fn book(ctx: &FunctionContext, what: String, to: String) -> Result<String> {
    println!("booking a {what} to {to} under the key {}", ctx.idempotency_key());
    Ok(format!("{what} to {to}"))
}

/// Gives a booking back. Giving back what is not booked does nothing.
#[function(retries = 20)]
async fn give_back(booking: String) -> Result<()> {
    println!("giving back the {booking}");
    Ok(())
}

/// All of it, or nothing of it.
#[workflow]
async fn trip(ctx: &WorkflowContext, to: String) -> Result<Vec<String>> {
    let mut booked = Vec::new();
    for what in ["hotel", "flight", "car"] {
        // Also what failed or was cut off by a cancel may have been booked: it is given back with the others.
        booked.push(format!("{what} to {to}"));
        if let Err(error) = ctx.step(book(what.into(), to.clone()).named(what)).await {
            // The last one first. These steps go on in a run that was cancelled, too.
            while let Some(booking) = booked.pop() {
                ctx.step(give_back(booking)).await?;
            }
            return Err(error.into());
        }
    }
    Ok(booked)
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().register(book).register(give_back).register(trip)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Mutex, time::Duration};

    use piton::testing::{RunError, RunState, TestEngine, Trial, When};

    use super::*;

    /// What is booked and was not given back.
    #[derive(Default)]
    struct Agency(Mutex<BTreeSet<String>>);

    fn engine() -> TestEngine {
        let agency = std::sync::Arc::new(Agency::default());
        let engine = TestEngine::of(worker()).shared_resource(std::sync::Arc::clone(&agency));
        let books = std::sync::Arc::clone(&agency);
        engine.on(book).with(move |(what, to), _| {
            let booking = format!("{what} to {to}");
            books.0.lock().expect("nobody panics").insert(booking.clone());
            Ok::<_, Failure>(booking)
        });
        engine.on(give_back).with(move |booking, _| {
            agency.0.lock().expect("nobody panics").remove(&booking);
            Ok::<_, Failure>(())
        });
        engine
    }

    fn booked(engine: &TestEngine) -> usize {
        engine.get::<Agency>().0.lock().expect("nobody panics").len()
    }

    #[tokio::test]
    async fn nothing_stays_booked_whichever_step_fails() {
        let trial = Trial::of(engine, || trip("Delphi".into()));
        let runs = trial
            .fail_each_step(|failed| {
                assert!(failed.run.result.is_err());
                assert_eq!(booked(&failed.engine), 0, "{}", failed.run.story);
            })
            .await;
        assert_eq!(runs, 3);
        trial.repeat_each_step(|repeated| assert_eq!(booked(&repeated.engine), 3)).await;
        trial.crash_at_each_append(|crashed| assert_eq!(booked(&crashed.engine), 3)).await;
    }

    #[test]
    fn a_cancelled_trip_is_given_back() {
        let engine = engine();
        let run = engine.run(trip("Delphi".into())).cancel(When::begins("car#1")).blocking();
        assert_eq!((run.story.state(), booked(&engine)), (RunState::Cancelled, 0));
        assert!(matches!(run.error(), RunError::Cancelled(_)));
    }

    #[test]
    fn giving_back_is_tried_for_long() {
        let engine = engine();
        engine.on(give_back).fails_times(12, "the agency is closed").returns(());
        let run = engine.run(trip("Delphi".into())).fail_step("flight#1", Failure::permanent("no seat")).blocking();
        assert_eq!(run.story.tries_of("give_back#1").count(), 13);
        assert!(run.story.duration() > Duration::from_mins(5));
    }
}
