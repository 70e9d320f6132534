//! Branches beside each other: parallel, gather, race, deadline.

use std::time::Duration;

use piton::{Uuid, prelude::*};
use piton_shared::replay::{Call, Road};
use serde_json::json;

use crate::{
    decoded,
    driver::{Answer, Driver, End},
};

#[function]
async fn double(number: u64) -> Result<u64> {
    if number == 13 { Err(Failure::permanent("unlucky")) } else { Ok(number * 2) }
}

#[function]
async fn shout(text: String) -> Result<String> {
    Ok(text.to_uppercase())
}

fn worker<Inputs>(workflow: impl piton::Register<Inputs>) -> Worker {
    Worker::builder().register(double).register(shout).register(workflow).build().expect("all is given")
}

fn roads(driver: &Driver<'_>) -> Vec<(String, Road)> {
    let step = |call: &Call| match call {
        Call::Step(step) => Some((step.key.to_string(), step.road)),
        Call::Sleep(_) | Call::Batch(_) | Call::Race(_) | Call::State(_) => None,
    };
    driver.asked.iter().filter_map(step).collect()
}

#[workflow]
async fn report(ctx: &WorkflowContext, number: u64) -> Result<(u64, String, u64, Vec<u64>)> {
    let before = ctx.step(double(4).named("before"));
    let (doubled, text, (), before) =
        ctx.parallel((double(number), shout("sales".into()), ctx.sleep(Duration::ZERO).named("pause"), before)).await?;
    let many = ctx.parallel((1..4).map(double)).await?;
    let none: Vec<u64> = ctx.parallel(Vec::<piton::Block<u64>>::new()).await?;
    assert!(none.is_empty());
    Ok((doubled, text, before, many))
}

#[tokio::test]
async fn branches_come_in_order_and_go_away() {
    let worker = worker(report);
    let mut driver = Driver::new(&worker, "report", &1);
    let mut later = 3;
    // The first ones asked for end last.
    let end = driver
        .drive(|_| {
            later -= 1;
            if later > 0 { Answer::Later } else { Answer::Execute }
        })
        .await;
    assert_eq!(decoded(&end), json!([2, "SALES", 8, [2, 4, 6]]));
    driver.check_replays(&end);
    let mut roads = roads(&driver);
    roads.sort_by(|left, right| left.0.cmp(&right.0));
    let keys: Vec<_> = roads.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "before#1",
            "parallel#1/0/double#1",
            "parallel#1/1/shout#1",
            "parallel#2/0/double#1",
            "parallel#2/1/double#1",
            "parallel#2/2/double#1",
        ]
    );
    assert!(roads.iter().all(|(_, road)| *road == Road::Away), "{roads:?}");
}

#[workflow]
async fn fails(ctx: &WorkflowContext) -> Result<(String, Vec<String>)> {
    let first = ctx.parallel((double(1), double(13), shout("never".into()))).await;
    let message = first.map_or_else(|error| error.to_string(), |_| "no".to_owned());
    let many = ctx.parallel(vec![double(2), double(13), double(3)]).await;
    assert!(many.is_err());
    let (one, two) = ctx.parallel((double(1), double(13))).settled().await;
    let more = ctx.parallel([double(13), double(1)]).settled().await;
    let shown = |result: Result<u64, StepError>| format!("{result:?}");
    let all = [one, two].into_iter().chain(more).map(shown).collect();
    Ok((message, all))
}

#[tokio::test]
async fn the_first_failure_withdraws_the_rest_unless_all_are_waited_for() {
    let worker = worker(fails);
    let mut driver = Driver::new(&worker, "fails", &());
    let end = driver.drive(|_| Answer::Execute).await;
    let values = decoded(&end);
    assert_eq!(values[0], "unlucky");
    let outcomes: Vec<_> = values[1].as_array().expect("four").iter().map(ToString::to_string).collect();
    assert!(outcomes[0].contains("Ok(2)") && outcomes[3].contains("Ok(2)"), "{outcomes:?}");
    assert!(outcomes[1].contains("unlucky") && outcomes[2].contains("unlucky"), "{outcomes:?}");
    let withdrawn: Vec<_> = driver.withdrawn.iter().map(ToString::to_string).collect();
    assert_eq!(withdrawn, ["parallel#1/2/shout#1", "parallel#2/2/double#1"]);
    driver.check_replays(&end);
}

#[workflow]
async fn dashboard(ctx: &WorkflowContext) -> Result<(u64, String, String)> {
    let block = async {
        let data = gather!(ctx, revenue: double(3), r#type: shout("ada".into()),).await?;
        Ok::<_, Failure>((data.revenue, data.r#type))
    };
    let (revenue, users) = block.await?;
    let all = gather!(ctx, good: double(1), bad: double(13)).settled().await;
    Ok((revenue + all.good?, users, all.bad.map_or_else(|error| error.to_string(), |_| "no".to_owned())))
}

#[tokio::test]
async fn gathered_values_have_their_names_as_fields_and_in_keys() {
    let worker = worker(dashboard);
    let mut driver = Driver::new(&worker, "dashboard", &());
    let end = driver.drive(|_| Answer::Execute).await;
    assert_eq!(decoded(&end), json!([8, "ADA", "unlucky"]));
    assert_eq!(driver.keys()[..2], ["gather#1/revenue/double#1", "gather#1/type/shout#1"]);
    driver.check_replays(&end);
}

#[workflow]
async fn trip(ctx: &WorkflowContext) -> Result<(u64, u64, Uuid)> {
    let leg = |name: &'static str, start: u64| {
        ctx.branch(name, async move |ctx: WorkflowContext| {
            let first = ctx.step(double(start)).await?;
            Ok(ctx.step(double(first)).await?)
        })
    };
    let alone = leg("alone", 1).await?;
    let (left, right) = ctx.parallel((leg("left", 2), leg("right", 3))).await?;
    let failed = ctx.branch("bad", async |_: WorkflowContext| Err::<u64, _>("no luck".into())).await;
    assert!(matches!(failed, Err(StepError::Failed(failure)) if failure.message == "no luck"));
    let id = ctx.branch("draws", async |ctx: WorkflowContext| Ok(ctx.uuid())).await?;
    Ok((alone, left + right, id))
}

#[tokio::test]
async fn a_block_has_a_scope_of_its_own() {
    let worker = worker(trip);
    let mut driver = Driver::new(&worker, "trip", &());
    let end = driver.drive(|_| Answer::Execute).await;
    assert_eq!(decoded(&end)[1], json!(20));
    assert_eq!(
        driver.keys(),
        [
            "alone/double#1",
            "alone/double#2",
            "parallel#1/left/double#1",
            "parallel#1/right/double#1",
            "parallel#1/left/double#2",
            "parallel#1/right/double#2",
        ]
    );
    let roads = roads(&driver);
    assert_eq!((roads[0].1, roads[5].1), (Road::Here, Road::Away), "in sequence it stays here");
    driver.check_replays(&end);
}

#[workflow]
async fn fastest(ctx: &WorkflowContext) -> Result<(String, usize, u64)> {
    let first = ctx.race((double(1), shout("quick".into()))).await?;
    let first = match first {
        Race2::First(number) => number.to_string(),
        Race2::Second(text) => text,
    };
    let (index, value) = ctx.race(vec![double(5), double(6)]).await?;
    let lost = ctx.race((double(13), ctx.sleep(Duration::from_secs(9)))).await;
    assert!(matches!(lost, Err(StepError::Failed(_))), "a failure wins as well");
    Ok((first, index, value))
}

#[tokio::test]
async fn the_first_to_end_wins_and_is_pinned() {
    let worker = worker(fastest);
    let mut driver = Driver::new(&worker, "fastest", &());
    let slow = ["race#1/0/double#1", "race#2/0/double#1"];
    let end =
        driver.drive(|call| if slow.contains(&call.key().as_str()) { Answer::Later } else { Answer::Execute }).await;
    assert_eq!(decoded(&end), json!(["QUICK", 1, 12]));
    assert_eq!(
        driver.keys(),
        ["race#1/1/shout#1", "race#1", "race#2/1/double#1", "race#2", "race#3/0/double#1", "race#3"]
    );
    let withdrawn: Vec<_> = driver.withdrawn.iter().map(ToString::to_string).collect();
    assert_eq!(withdrawn, ["race#1/0/double#1", "race#2/0/double#1", "sleep#1"]);
    driver.check_replays(&end);
}

#[workflow]
async fn nobody(ctx: &WorkflowContext) -> Result<u64> {
    Ok(ctx.race(Vec::<piton::Block<u64>>::new()).await?.1)
}

#[tokio::test]
async fn a_race_of_nobody_parks_and_says_why() {
    let worker = worker(nobody);
    let End::Parked(parked) = Driver::new(&worker, "nobody", &()).drive(|_| Answer::Execute).await else {
        panic!("it has no winner")
    };
    assert!(parked.to_string().contains("a race of nobody"), "{parked}");
}

#[workflow]
async fn bounded(ctx: &WorkflowContext, number: u64) -> Result<String> {
    let talks = ctx.branch("talks", async move |ctx: WorkflowContext| {
        let first = ctx.step(double(number)).await?;
        Ok(ctx.step(double(first)).await?)
    });
    Ok(match ctx.deadline(Duration::from_mins(1), talks).await {
        Ok(value) => value.to_string(),
        Err(DeadlineError::Elapsed { after }) => format!("not within {after:?}"),
        Err(DeadlineError::Failed(error)) => format!("{error}"),
    })
}

#[tokio::test]
async fn a_deadline_bounds_a_branch() {
    let worker = worker(bounded);
    let cases: [(u64, &str, &str, &[&str]); 3] = [
        (1, "timer", "4", &["deadline#1/talks/double#1", "deadline#1/talks/double#2", "deadline#1"]),
        (1, "double", "not within 60s", &["deadline#1/timer#1", "deadline#1"]),
        (13, "timer", "unlucky", &["deadline#1/talks/double#1", "deadline#1"]),
    ];
    for (number, slow, value, keys) in cases {
        let mut driver = Driver::new(&worker, "bounded", &number);
        let end = driver.drive(|call| if call.name() == slow { Answer::Later } else { Answer::Execute }).await;
        assert_eq!(decoded(&end), json!(value));
        assert_eq!(driver.keys(), keys);
        assert!(roads(&driver).iter().all(|(_, road)| *road == Road::Here), "one branch is no fan-out");
        driver.check_replays(&end);
    }
}

#[workflow]
async fn cancelled(ctx: &WorkflowContext) -> Result<String> {
    let talks = ctx.branch("talks", async move |ctx: WorkflowContext| {
        let asked = ctx.step(double(1)).await;
        assert_eq!(asked, Err(StepError::Cancelled));
        Ok(ctx.step(shout("undone".into())).await?)
    });
    let (text, raced) = ctx
        .parallel((
            talks,
            ctx.branch("race", async |ctx: WorkflowContext| {
                Ok(format!("{:?}", ctx.race((double(1), double(2))).await))
            }),
        ))
        .await?;
    Ok(format!("{text}, {raced}"))
}

#[tokio::test]
async fn a_cancel_reaches_every_branch_once() {
    let worker = worker(cancelled);
    let mut driver = Driver::new(&worker, "cancelled", &());
    let mut cancels = 1;
    let end = driver
        .drive(|_| {
            cancels -= 1;
            if cancels == 0 { Answer::Cancel } else { Answer::Execute }
        })
        .await;
    assert_eq!(decoded(&end), json!("UNDONE, Err(Cancelled)"));
    driver.check_replays(&end);
}

#[test]
fn every_future_may_move() {
    fn check<F: Future + Send + Unpin>(_: Option<F>) {}
    fn parallel(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.parallel((double(1), shout(String::new())))
    }
    fn race(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.race((double(1), shout(String::new())))
    }
    fn gathered(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        gather!(ctx, one: double(1))
    }
    fn deadline(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.deadline(Duration::ZERO, double(1))
    }
    fn batch(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.batch((0..9).map(double))
    }
    fn read(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.state().get_or("a", String::new())
    }
    fn set_if(ctx: &WorkflowContext) -> impl Future + Send + Unpin {
        ctx.state().set_if("a", String::new(), 1)
    }
    check::<piton::Block<u64>>(None);
    check::<piton::Sleep>(None);
    check::<piton::Update<u64>>(None);
    let _ = (parallel, race, gathered, deadline, batch, read, set_if);
}
