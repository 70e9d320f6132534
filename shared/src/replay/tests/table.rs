//! One behaviour a test: rows in, requests out.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;

use super::{
    super::{Call, DeliveryError, Machine, Replayed, Request, Scope, StepOptions, Turn},
    world::{Body, Origin, World, machine, or_error, step, value, workflow},
};
use crate::{
    codec,
    failure::{Failure, StepError},
    journal::{Entry, Kind, Payload, Place, StepKey},
    time::Timestamp,
};

fn two_in_a_row() -> Body {
    workflow(|scope: Scope| async move {
        let first = step(&scope, "a", 1).await?;
        Ok(step(&scope, "a", first * 10).await?)
    })
}

#[test]
fn a_sequence_asks_one_by_one() {
    let mut world = World::begin(two_in_a_row());
    assert_eq!(world.open_keys(), ["a#1"]);
    world.finish_key("a#1");
    assert_eq!(world.open_keys(), ["a#2"]);
    assert_eq!(value::<u64>(world.run()), 21);
    assert_eq!(world.machine.told().own, 2);
}

#[test]
fn a_journal_is_not_asked_again() {
    let body = Arc::new(two_in_a_row());
    let mut first = World::resume(&body, &[]);
    first.finish_key("a#1");
    let mut second = World::resume(&body, &first.journal);
    assert_eq!(second.open_keys(), ["a#2"]);
    assert_eq!(second.run(), first.run());
    assert_eq!(World::resume(&body, &second.journal).end, second.end);
}

#[test]
fn begin_and_deliver_without_a_replay() {
    let mut machine = machine(&Arc::new(two_in_a_row()));
    let Turn::Waiting(requests) = machine.begin() else { panic!("it waits") };
    assert!(matches!(&requests[..], [Request::Start(Call::Step(call))] if call.function == "a"));
    assert_eq!(machine.begin(), Turn::Waiting(vec![]));
}

#[test]
fn keys_are_scope_name_and_occurrence() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let mut all = vec![];
        for _ in 0..2 {
            let parallel = scope.child("parallel");
            for branch in ["0", "1", "1"] {
                all.push(step(&parallel.branch(branch), "f", 1));
            }
        }
        all.push(scope.step("named", "f", &1u64, StepOptions::default()));
        all.push(step(&scope, "parallel", 1));
        Ok(join_all(all).await.into_iter().map(or_error).sum::<u64>())
    }));
    assert_eq!(
        world.open_keys(),
        [
            "parallel#1/0/f#1",
            "parallel#1/1/f#1",
            "parallel#1/1#2/f#1",
            "parallel#2/0/f#1",
            "parallel#2/1/f#1",
            "parallel#2/1#2/f#1",
            "named#1",
            "parallel#3",
        ]
    );
    assert_eq!(value::<u64>(world.run()), 16);
}

#[test]
fn a_failed_step_is_an_error_to_compensate() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        match step(&scope, "charge", 9).await {
            Err(StepError::Failed(failure)) => Ok((step(&scope, "refund", 1).await?, failure.message)),
            other => panic!("it should have failed: {other:?}"),
        }
    }));
    world.finish_key("charge#1");
    assert_eq!(value::<(u64, String)>(world.run()), (2, "no 9".to_owned()));
}

#[test]
fn a_workflows_error_ends_it_with_the_chain() {
    let mut world = World::begin(workflow(|scope: Scope| async move { Ok(step(&scope, "charge", 9).await?) }));
    assert_eq!(world.run(), Turn::Ended(Err(Failure::permanent("no 9"))));
}

#[test]
fn a_step_is_asked_for_when_it_is_first_polled() {
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let never = step(&scope, "f", 1);
        let late = step(&scope, "f", 2);
        let early = step(&scope, "f", 3).await?;
        drop(never);
        Ok(early + late.await?)
    }));
    assert_eq!(world.open_keys(), ["f#3"]);
    world.finish_key("f#3");
    assert_eq!(world.open_keys(), ["f#2"]);
    assert_eq!(value::<u64>(world.run()), 7);
}

#[test]
fn a_timer_answers_nothing_and_keeps_its_duration_to_itself() {
    let body = |seconds| {
        Arc::new(workflow(move |scope: Scope| async move {
            scope.sleep("sleep", Duration::from_secs(seconds)).await?;
            Ok(scope.now().as_micros())
        }))
    };
    let mut world = World::resume(&body(5), &[]);
    assert!(matches!(&world.open[0], Call::Sleep(sleep) if sleep.duration == Duration::from_secs(5)));
    let mut row = world.row(&world.open[0].clone(), Origin::Outside, Ok(vec![]));
    row.finished_at = Timestamp::from_micros(77_000);
    world.tell(row);
    assert_eq!(world.end.clone().map(value::<i64>), Some(77_000));
    // A build with another duration takes the timer as it was set.
    assert_eq!(World::resume(&body(6), &world.journal).end, world.end);
}

#[test]
fn retry_rows_are_counted_and_not_told() {
    let body = Arc::new(two_in_a_row());
    let mut world = World::resume(&body, &[]);
    world.retry(0, Origin::Own);
    world.retry(0, Origin::Outside);
    assert_eq!(world.open_keys(), ["a#1"]);
    assert_eq!((world.machine.told().own, world.machine.told().outside), (1, 1));
    assert_eq!(world.machine.polls(), 1);
    assert_eq!(value::<u64>(world.run()), 21);
    assert_eq!(World::resume(&body, &world.journal).end, world.end);
}

#[test]
fn the_order_of_rows_is_held_to() {
    let mut world = World::begin(two_in_a_row());
    let call = world.open[0].clone();
    let row = |place| Entry { place, ..world.row(&call, Origin::Own, Ok(vec![5])) };
    let gaps =
        [Place::Own { number: 2, after: 0 }, Place::Own { number: 1, after: 1 }, Place::Outside { number: 2 }].map(row);
    for gap in gaps {
        let told = world.machine.told();
        let place = gap.place;
        assert_eq!(world.deliver(&gap), Err(DeliveryError::OutOfOrder { place, told }));
    }
    assert_eq!(world.open_keys(), ["a#1"]);
    world.finish_key("a#1");
    let first = world.journal[0].clone();
    assert_eq!(world.deliver(&first), Ok(Turn::Waiting(vec![])), "a row that was told before");
    let again = world.row(&call, Origin::Outside, Ok(vec![6]));
    assert_eq!(world.deliver(&again), Err(DeliveryError::Answered { key: again.key.clone() }));
    assert_eq!(world.machine.told().outside, 0);
    assert_eq!(value::<u64>(world.run()), 21);
}

#[test]
fn a_journal_with_a_gap_is_refused() {
    let body = Arc::new(two_in_a_row());
    let mut world = World::resume(&body, &[]);
    world.run();
    assert!(machine(&body).replay(&world.journal[1..]).is_err());
}

#[test]
fn pages_come_to_the_same() {
    let body = Arc::new(two_in_a_row());
    let mut world = World::resume(&body, &[]);
    world.finish_key("a#1");
    let mut machine = machine(&body);
    assert_eq!(machine.feed(&world.journal), Ok(None));
    let Ok(Replayed::All(Turn::Waiting(requests))) = machine.replay(&[]) else { panic!("it waits") };
    assert!(matches!(&requests[..], [Request::Start(call)] if call.key().as_str() == "a#2"));
}

#[test]
fn the_replay_mark_ends_with_the_last_own_row() {
    let body = || {
        Arc::new(workflow(|scope: Scope| async move {
            let mut marks = vec![scope.is_replaying()];
            for name in ["a", "b", "c", "d"] {
                step(&scope, name, 1).await?;
                marks.push(scope.is_replaying());
            }
            Ok(marks)
        }))
    };
    let mut world = World::resume(&body(), &[]);
    world.finish(0, Origin::Own);
    world.finish(0, Origin::Own);
    world.finish(0, Origin::Outside);
    let mut again = World::resume(&body(), &world.journal);
    assert_eq!(value::<Vec<bool>>(world.run()), [false; 5]);
    assert_eq!(value::<Vec<bool>>(again.run()), [true, true, true, false, false]);
}

type Draws = ((f64, uuid::Uuid, i64, [u8; 32]), f64, uuid::Uuid, i64);

#[test]
fn draws_depend_on_seed_and_scope_and_number_only() {
    let body = Arc::new(workflow(|scope: Scope| async move {
        let other = scope.child("other");
        let before = (scope.random(), scope.uuid(), scope.now().as_micros(), other.random_bytes());
        step(&scope, "f", 1).await?;
        Ok((before, scope.random(), scope.uuid(), scope.now().as_micros()))
    }));
    let mut world = World::resume(&body, &[]);
    let first: Draws = value(world.run());
    let second: Draws = value(World::resume(&body, &world.journal).run());
    assert_eq!(first, second);
    let ((random, uuid, now, _), later, other, then) = first;
    assert!((0.0..1.0).contains(&random) && (random - later).abs() > f64::EPSILON);
    assert_ne!(uuid, other);
    assert_eq!(uuid.get_version_num(), 4);
    assert_eq!((now, then), (1000, 2000));
}

#[test]
fn machines_are_small_and_may_move() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync + Clone>() {}
    sent::<Machine>();
    shared::<Scope>();
    let ledger = size_of::<super::super::core::Core>();
    assert!(size_of::<Machine>() + ledger < 1024, "{} and {ledger}", size_of::<Machine>());
}

#[test]
fn inputs_that_read_the_same_are_the_same() {
    use std::collections::HashMap;

    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Before {
        tags: HashMap<String, u32>,
    }
    #[derive(Serialize, Deserialize)]
    struct Today {
        tags: HashMap<String, u32>,
        #[serde(default)]
        urgent: bool,
    }
    fn tags() -> HashMap<String, u32> {
        (0..20).map(|i| (format!("tag{i}"), i)).collect()
    }
    fn take<I: Serialize + serde::de::DeserializeOwned + Send + Sync + 'static>(
        make: impl Fn() -> I + Send + Sync + Copy + 'static,
    ) -> Arc<Body> {
        Arc::new(workflow(move |scope: Scope| async move {
            let input = make();
            let answer: serde_json::Value = scope.step("f", "f", &input, StepOptions::default()).await?;
            Ok(answer["tags"]["tag3"].as_u64())
        }))
    }
    let mut before = World::resume(&take(|| Before { tags: tags() }), &[]);
    assert_eq!(value::<Option<u64>>(before.run()), Some(3));
    for _ in 0..4 {
        assert_eq!(World::resume(&take(|| Before { tags: tags() }), &before.journal).end, before.end);
        let today = take(|| Today { tags: tags(), urgent: false });
        assert_eq!(World::resume(&today, &before.journal).end, before.end);
    }
    let changed = World::resume(&take(|| Today { tags: tags(), urgent: true }), &before.journal);
    assert!(matches!(changed.end, Some(Turn::Parked(_))));
}

#[test]
fn options_are_never_compared() {
    let body = |seconds| {
        Arc::new(workflow(move |scope: Scope| async move {
            let options = StepOptions { timeout: Some(Duration::from_secs(seconds)), ..StepOptions::default() };
            Ok(scope.step::<u64, u64>("f", "f", &1, options).await?)
        }))
    };
    let mut world = World::resume(&body(1), &[]);
    let end = world.run();
    assert_eq!(World::resume(&body(2), &world.journal).end, Some(end));
}

#[test]
fn an_encoded_step_is_compared_by_its_own_rule() {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of `Canonical`")]
    fn same(_: &[u8]) -> Result<Payload, codec::DecodeError> {
        Ok(vec![])
    }
    let mut world = World::begin(workflow(|scope: Scope| async move {
        let call = scope.step_encoded::<u64>("f", "f", vec![1], StepOptions::default(), same, codec::decode);
        Ok(call.await?)
    }));
    let mut row = world.row(&world.open[0].clone(), Origin::Own, Ok(vec![5]));
    row.input = vec![2];
    world.tell(row);
    assert_eq!(world.end.map(value::<u64>), Some(5));
}

#[test]
fn kinds_and_keys_of_a_call_are_said() {
    let world = World::begin(workflow(|scope: Scope| async move { Ok(scope.sleep("nap", Duration::ZERO).await?) }));
    assert_eq!(world.open[0].kind(), Kind::Sleep);
    assert!(world.machine.is_open(&StepKey::new("nap#1")));
    assert!(!world.machine.is_open(&StepKey::new("nap#2")));
}
