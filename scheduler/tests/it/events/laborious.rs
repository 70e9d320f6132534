//! Triggers that take longer to look at than any turn, and than Postgres leaves a silent transaction alone.

use std::time::{Duration, Instant};

use piton_expressions::{EvaluationError, EventScope, Expression, on_deep_stack};
use piton_scheduler::store::Listens;
use piton_shared::trigger::{EventTrigger, InputRule};
use serde_json::{Value, json};

use super::{event, runs};
use crate::{cluster::Cluster, making::LONG};

/// True of any list of numbers, and looks at each of them as often as there are some.
pub(super) const FILTER: &str = "event.data.all(one, event.data.all(other, one + other >= 0))";
/// Longer than a transaction may be silent, which is five seconds.
const LABOUR: Duration = Duration::from_secs(8);

/// As much as one evaluation may take, and how long it takes here.
pub(super) fn heaviest() -> (Value, Duration) {
    let filter = Expression::compile(FILTER).expect("it is CEL");
    let tried = |numbers: i64| {
        let data = json!((0..numbers).collect::<Vec<_>>());
        let held = on_deep_stack(|room| {
            let scope = EventScope::new(room, &json!({ "data": data }));
            // Measured when it is warm: what it takes later is no less.
            let measured = || {
                let began = Instant::now();
                filter.holds(&scope).map(|held| (began.elapsed(), held))
            };
            (0..5).map(|_| measured()).collect::<Result<Vec<_>, _>>().map(|took| took.into_iter().min())
        });
        match held.expect("a thread starts") {
            Ok(fastest) => {
                let (took, held) = fastest.expect("it was measured");
                assert!(held);
                Some((data, took))
            }
            Err(EvaluationError::TooMuch) => None,
            Err(other) => panic!("{other}"),
        }
    };
    [800, 400, 200, 100, 50, 25].into_iter().find_map(tried).expect("one of them is allowed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_takes_long_comes_to_its_end() {
    // No sweep comes to it: what is done is done at once.
    let cluster = Cluster::with("event_laborious", |options| options.sweep = LONG).await;
    let (data, took) = heaviest();
    let triggers = LABOUR.as_nanos().div_ceil(took.as_nanos().max(1)).min(900);
    for _ in 0..triggers {
        let trigger = EventTrigger { pattern: "work.*".into(), filter: Some(FILTER.into()), input: InputRule::ByName };
        cluster.db.listens("order", Listens::Event(trigger)).await;
    }
    let published = cluster.engine().publish(vec![event("work.done", &data)]).await.expect("accepted");
    assert_eq!(runs(&published[0]) as u128, triggers, "one evaluation took {took:?}");
    assert_eq!(cluster.db.owed().await, 0);
    cluster.finish().await;
}
