//! What becomes of runs: taken over, failed, cancelled.

use std::{sync::atomic::Ordering, time::Duration};

use piton::{Timestamp, Uuid, name::Queue, prelude::*};
use piton_shared::{
    failure::{Cause, Retry},
    replay::{Call, Request, StepOptions, Turn},
};
use serde_json::json;

use crate::{
    decoded,
    driver::{Answer, Driver, End, run_id},
    shop::{Order, Stripe, charge_card, order, refund, ship, shop},
};

#[tokio::test]
async fn a_run_ends_the_same_wherever_it_is_taken_over() {
    let worker = shop();
    let mut driver = Driver::new(&worker, "fulfil", &order(1));
    let end = driver.drive(|_| Answer::Execute).await;
    let key = format!("{}/charge#1", run_id());
    assert_eq!(decoded(&end), json!(format!("order 1 flies, paid by 1:250:{key}")));

    let keys: Vec<_> = driver.journal.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["charge#1", "cool-off#1", "ship#1"]);
    for (rows, call) in driver.asked.iter().enumerate() {
        match driver.replay(rows) {
            Turn::Waiting(requests) => {
                let started = requests.iter().any(|request| matches!(request, Request::Start(asked) if asked == call));
                assert!(started, "after {rows} rows it asks for {}", call.key());
            }
            ended @ (Turn::Ended(_) | Turn::Parked(_)) => panic!("after {rows} rows: {ended:?}"),
        }
    }
    assert!(matches!(driver.replay(3), Turn::Ended(Ok(_))));
    let stripe = worker.registry().resources().get::<Stripe>().expect("it was given");
    assert_eq!(stripe.charges.load(Ordering::Relaxed), 1, "the card was charged once");
}

#[tokio::test]
async fn a_call_wins_over_the_attribute_and_that_over_the_default() {
    let worker = shop();
    let mut driver = Driver::new(&worker, "fulfil", &order(1));
    driver.drive(|_| Answer::Execute).await;
    let options = |index: usize| match &driver.asked[index] {
        Call::Step(step) => step.options.clone(),
        Call::Sleep(_) | Call::Batch(_) | Call::Race(_) | Call::State(_) => panic!("a step is expected"),
    };
    let charge = options(0);
    assert_eq!(charge.retry.map(|policy| policy.max_tries), Some(3), "the call's");
    assert_eq!(charge.try_timeout, Some(Duration::from_secs(10)), "the call's");
    assert_eq!(charge.timeout, Some(Duration::from_secs(30)), "the attribute's");
    assert_eq!(charge.queue, Some(Queue::new("payments").expect("a name")), "the attribute's");
    assert_eq!(options(2), StepOptions::default(), "nobody said anything");
    let attribute = worker.registry().function("billing.charge_card").expect("it is registered").options();
    assert_eq!(attribute.retry.map(|policy| policy.max_tries), Some(6), "five retries are six tries");
}

#[tokio::test]
async fn a_failed_step_is_made_good_and_its_cause_is_kept() {
    let worker = shop();
    let mut driver = Driver::new(&worker, "fulfil", &order(13));
    let end = driver.drive(|_| Answer::Execute).await;
    let End::Ended(Err(failure)) = end else { panic!("{end:?}") };
    assert_eq!(failure.to_string(), "the lorry broke down");
    assert_eq!(failure.retry, Retry::Permanent, "the step has had its tries");
    assert_eq!(driver.journal.last().map(|entry| entry.key.as_str()), Some("refund#1"));
}

#[tokio::test]
async fn a_timeout_stays_a_timeout() {
    let worker = shop();
    let mut driver = Driver::new(&worker, "fulfil", &order(1));
    let end = driver.drive(|_| Answer::With(Err(Failure::timeout("30 s are over")))).await;
    let End::Ended(Err(failure)) = end else { panic!("{end:?}") };
    assert_eq!((failure.cause, failure.retry), (Cause::Timeout, Retry::Permanent));
}

#[workflow]
async fn careful(ctx: &WorkflowContext, order: Order) -> Result<String> {
    let receipt = ctx.step(charge_card(order.clone())).await?;
    assert!(!ctx.is_cancelled());
    let error = match ctx.step(ship(order, false)).await {
        Ok(parcel) => return Ok(parcel),
        Err(error) => error,
    };
    if ctx.is_cancelled() {
        ctx.step(refund(receipt)).await?;
    }
    Err(error.into())
}

#[tokio::test]
async fn a_cancelled_run_may_make_good_and_ends_as_cancelled() {
    let worker = Worker::builder()
        .resource(Stripe::default())
        .register(charge_card)
        .register(refund)
        .register(ship)
        .register(careful)
        .build()
        .expect("all is given");
    let mut driver = Driver::new(&worker, "careful", &order(1));
    let end = driver.drive(|call| if call.name() == "ship" { Answer::Cancel } else { Answer::Execute }).await;
    let End::Ended(Err(failure)) = end else { panic!("{end:?}") };
    assert_eq!(failure.cause, Cause::Cancelled);
    assert_eq!(driver.journal.last().map(|entry| entry.key.as_str()), Some("refund#1"));
}

#[workflow(name = "derived.v1")]
async fn derived(ctx: &WorkflowContext) -> Result<(f64, Uuid, Uuid, Timestamp, Timestamp, String)> {
    let before = ctx.now();
    let (random, first) = (ctx.random(), ctx.uuid());
    ctx.sleep(Duration::from_secs(1)).await?;
    let whose = format!("{} {}", ctx.workflow(), ctx.run_id());
    Ok((random, first, ctx.uuid(), before, ctx.now(), whose))
}

#[tokio::test]
async fn time_and_chance_are_the_same_in_every_replay() {
    let worker = Worker::builder().register(derived).build().expect("all is given");
    let mut driver = Driver::new(&worker, "derived.v1", &());
    let end = driver.drive(|_| Answer::Execute).await;
    let Turn::Ended(replayed) = driver.replay(1) else { panic!("it ended before") };
    assert_eq!(End::Ended(replayed), end);
    let values = decoded(&end);
    assert_ne!(values[1], values[2], "two UUIDs are two");
    assert_eq!((&values[3], &values[4]), (&json!(1_000_000), &json!(2_000_000)));
    assert_eq!(values[5], json!(format!("derived.v1 {}", run_id())));
    assert_eq!(driver.journal[0].key.as_str(), "sleep#1");
}
