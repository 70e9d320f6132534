//! What parks a run, and what is said about it.

use std::{sync::Arc, time::Duration};

use futures::future::{join, join_all};

use super::{
    super::{Scope, StepOptions, Turn},
    world::{Body, Origin, World, machine, parked, step, value, workflow},
};
use crate::{journal::StepKey, limits, parked::Parked, retry::RetryPolicy};

/// The reason after a run of `before` was replayed by `after`.
fn replayed(before: Body, after: Body) -> Parked {
    let mut world = World::begin(before);
    world.run();
    parked(World::resume(&Arc::new(after), &world.journal))
}

fn calls(names: &'static [(&'static str, u64)]) -> Body {
    workflow(move |scope: Scope| async move {
        for (name, input) in names {
            step(&scope, name, *input).await?;
        }
        Ok(())
    })
}

fn mismatch(key: &str, recorded: &str, asked: &str) -> Parked {
    Parked::Mismatch { key: StepKey::new(key), recorded: recorded.into(), asked: asked.into() }
}

#[test]
fn changed_workflows_are_told_where_they_part() {
    const BEFORE: &[(&str, u64)] = &[("a", 1), ("b", 2)];
    let cases: [(&[(&str, u64)], Parked); 5] = [
        (&[("x", 0), ("a", 1), ("b", 2)], mismatch("a#1", "step a", "step x at `x#1`")),
        (&[("b", 2)], mismatch("a#1", "step a", "step b at `b#1`")),
        (&[("a", 1)], mismatch("b#1", "step b", "nothing: it has ended")),
        (&[("a", 1), ("b", 3)], mismatch("b#1", "step b with input = 2", "step b with input = 3")),
        (&[], mismatch("a#1", "step a", "nothing: it has ended")),
    ];
    for (after, reason) in cases {
        assert_eq!(replayed(calls(BEFORE), calls(after)), reason);
    }
}

#[test]
fn another_function_under_the_same_name_is_another_call() {
    let under_a = |function: &'static str| {
        workflow(move |scope: Scope| async move {
            Ok(scope.step::<u64, u64>("a", function, &1, StepOptions::default()).await?)
        })
    };
    assert_eq!(replayed(under_a("charge"), under_a("refund")), mismatch("a#1", "step charge", "step refund"));
    let sleeps = workflow(|scope: Scope| async move { Ok(scope.sleep("a", Duration::ZERO).await?) });
    assert_eq!(replayed(under_a("a"), sleeps), mismatch("a#1", "step a", "sleep a"));
}

#[test]
fn a_difference_is_shown_by_its_path() {
    let order = |price: u64| {
        workflow(move |scope: Scope| async move {
            let input =
                serde_json::json!({"order": {"items": [{"price": 1}, {"price": price}]}, "id": "x".repeat(900)});
            let answer: serde_json::Value = scope.step("f", "f", &input, StepOptions::default()).await?;
            Ok(answer)
        })
    };
    assert_eq!(
        replayed(order(2), order(3)),
        mismatch("f#1", "step f with input.order.items[1].price = 2", "step f with input.order.items[1].price = 3")
    );
}

#[test]
fn an_input_of_another_type_says_what_cannot_be_read() {
    let text = workflow(|scope: Scope| async move {
        Ok(scope.step::<String, String>("f", "f", &"one".to_owned(), StepOptions::default()).await?)
    });
    let number = workflow(|scope: Scope| async move { Ok(step(&scope, "f", 1).await?) });
    let Parked::Mismatch { recorded, asked, .. } = replayed(text, number) else { panic!("they differ") };
    assert!(recorded.starts_with("step f with input = \"one\" (which today's input type cannot read"), "{recorded}");
    assert_eq!(asked, "step f with input = 1");
}

#[test]
fn a_result_of_another_type_parks() {
    let mut world = World::begin(workflow(|scope: Scope| async move { Ok(step(&scope, "f", 1).await?) }));
    let row = world.row(&world.open[0].clone(), Origin::Own, Ok(vec![0xa1, b'x']));
    world.tell(row);
    let Parked::Undecodable { key, message } = parked(world) else { panic!("it cannot be read") };
    assert_eq!(key.as_str(), "f#1");
    assert!(message.contains("expected u64"), "{message}");
}

#[test]
fn bounds_and_names_park_with_the_cure() {
    let scoped =
        |make: fn(&Scope) -> Scope| workflow(move |scope: Scope| async move { Ok(step(&make(&scope), "f", 1).await?) });
    let named = |name: &'static str| {
        workflow(
            move |scope: Scope| async move { Ok(scope.step::<u64, u64>(name, "f", &1, StepOptions::default()).await?) },
        )
    };
    let slow = |options: StepOptions| {
        workflow(move |scope: Scope| {
            let options = options.clone();
            async move { Ok(scope.step::<u64, u64>("f", "f", &1, options).await?) }
        })
    };
    let sleep = |after: Duration| workflow(move |scope: Scope| async move { Ok(scope.sleep("nap", after).await?) });
    let retry = |retry: RetryPolicy| slow(StepOptions { retry: Some(retry), ..StepOptions::default() });
    let many = workflow(|scope: Scope| async move {
        join_all((0..=limits::OPEN_CALLS as u64).map(|i| step(&scope, "f", i))).await;
        Ok(())
    });
    let cases = [
        (named("a/b"), "`a/b` has '/'"),
        (named("a#1"), "has '#'"),
        (named("a~1"), "has '~'"),
        (named(""), "may not be empty"),
        (scoped(|scope| scope.child("a/b")), "has '/'"),
        (scoped(|scope| scope.branch("a b")), "has ' '"),
        (scoped(|scope| (0..200).fold(scope.clone(), |scope, _| scope.child("deeper"))), "nest fewer scopes"),
        (
            workflow(|scope: Scope| async move {
                Ok(scope.step::<f64, u64>("f", "f", &f64::NAN, StepOptions::default()).await?)
            }),
            "the input of `f` cannot be journaled: NaN",
        ),
        (many, "100000 calls are open"),
        (sleep(Duration::from_hours(70_000_000)), "`nap#1` cannot wait so long: it is 252000000000s, and 316224000s"),
        (sleep(Duration::MAX), "`nap#1` cannot wait so long"),
        (sleep(limits::WAIT + Duration::from_nanos(1)), "`nap#1` cannot wait so long"),
        (
            slow(StepOptions { timeout: Some(Duration::MAX), ..StepOptions::default() }),
            "`f#1` cannot wait so long: its timeout",
        ),
        (slow(StepOptions { try_timeout: Some(Duration::MAX), ..StepOptions::default() }), "the timeout of a try is"),
        (retry(RetryPolicy::constant(Duration::MAX)), "its first delay before another try is"),
        (retry(RetryPolicy::default().max_delay(Duration::MAX)), "its longest delay before another try is"),
    ];
    for (body, part) in cases {
        let Parked::Limit { message } = parked(World::begin(body)) else { panic!("{part}") };
        assert!(message.contains(part), "{message}");
        assert!(message.len() < 2048, "{message}");
    }
}

#[test]
fn a_panic_parks_wherever_it_happens() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    #[derive(serde::Serialize)]
    struct Touchy;
    impl<'de> serde::Deserialize<'de> for Touchy {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("touched");
        }
    }
    let at_once: Body = Box::new(|_| panic!("at once"));
    let later = workflow(|scope: Scope| async move {
        let open = step(&scope, "open", 1);
        join(open, async {
            step(&scope, "f", 1).await.expect("it succeeds");
            panic!("{} later", 1);
        })
        .await;
        Ok(())
    });
    let reading = workflow(|scope: Scope| async move {
        scope.step::<u64, Touchy>("f", "f", &1, StepOptions::default()).await?;
        Ok(())
    });
    for (body, message) in [(at_once, "at once"), (later, "1 later"), (reading, "touched")] {
        let mut world = World::begin(body);
        if world.end.is_none() {
            world.finish_key("f#1");
        }
        let again = world.machine.begin();
        assert_eq!(parked(world), Parked::Panic { message: message.into() });
        assert_eq!(again, Turn::Parked(Parked::Panic { message: message.into() }));
    }
    // Dropped while it waits: what its destructors throw stays within the machine.
    let waiting = World::begin(workflow(|scope: Scope| async move {
        let _bomb = Bomb;
        Ok(step(&scope, "f", 1).await?)
    }));
    drop(waiting);
    let ends = workflow(|_: Scope| async move {
        let bomb = Box::new(Bomb);
        std::mem::forget(bomb);
        Ok(1u64)
    });
    assert_eq!(World::begin(ends).end.map(value::<u64>), Some(1));
}

#[test]
fn an_inputs_decoder_that_panics_is_a_mismatch() {
    fn touchy(_: &[u8]) -> Result<Vec<u8>, crate::codec::DecodeError> {
        panic!("touched");
    }
    let body = |input: u8| {
        workflow(move |scope: Scope| async move {
            let decode = crate::codec::decode;
            Ok(scope.step_encoded::<u64>("f", "f", vec![input], StepOptions::default(), touchy, decode).await?)
        })
    };
    let Parked::Mismatch { recorded, .. } = replayed(body(1), body(2)) else { panic!("they differ") };
    assert!(recorded.contains("its decoder panicked: touched"), "{recorded}");
}

#[test]
fn a_parked_machine_stays_so() {
    let mut world = World::begin(calls(&[("a", 1), ("b", 1)]));
    world.run();
    let mut other = machine(&Arc::new(calls(&[("x", 1)])));
    let told = other.deliver(&world.journal[0]).expect("it is the next row");
    let Turn::Parked(reason) = told else { panic!("it parts at once") };
    assert_eq!(other.deliver(&world.journal[1]), Ok(Turn::Parked(reason)));
    assert_eq!(other.open_calls(), 0);
}
