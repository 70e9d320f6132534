//! Work that is given away: one hold executes it, one outcome counts, whatever is sent how often.

use std::time::Duration;

use piton_scheduler::store::{Finish, FinishPass, Finishing, GrantedStep, Offer, Placement};
use piton_shared::{
    failure::Failure,
    ids::{Epoch, HoldId, RunId, WorkerId},
    journal::StepKey,
    message::{
        append::{AppendAnswer, Next},
        claim::{HandBackReason, Waiting},
        dispatch::{DispatchId, StepAsk, StepEnd, StepEnding},
    },
    name::Org,
    state::RunState,
    time::Timestamp,
};

use crate::{
    database::Database,
    making::{Hold, LONG, With, fresh, payload, register},
};

pub(crate) fn named(run: RunId, key: &str) -> DispatchId {
    DispatchId { run, key: StepKey::new(key), item: 0 }
}

pub(crate) fn finishing(worker: WorkerId, step: &GrantedStep, ending: StepEnding) -> Finishing {
    Finishing { worker, end: StepEnd { dispatch: step.dispatch.clone(), hold: step.hold, ending } }
}

pub(crate) fn done(step: &GrantedStep) -> StepEnding {
    StepEnding::Done {
        outcome: Ok(payload("done")),
        try_number: step.try_number,
        started_at: Timestamp::from_micros(1_000_000),
        finished_at: Timestamp::from_micros(2_000_000),
    }
}

pub(crate) fn again(step: &GrantedStep, after: Duration) -> StepEnding {
    StepEnding::Again {
        failure: Failure::new("declined"),
        try_number: step.try_number,
        started_at: Timestamp::from_micros(1_000_000),
        finished_at: Timestamp::from_micros(2_000_000),
        after,
    }
}

pub(crate) const RETURNED: StepEnding = StepEnding::Returned { reason: HandBackReason::Released };

impl Database {
    /// A run that gave these steps away and was suspended, and what is offered.
    pub(crate) async fn fan_out(&self, worker: WorkerId, keys: &[&str]) -> (Hold, Vec<Offer>) {
        let hold = self.held(worker).await;
        let append =
            keys.iter().fold(hold.append(1, Next::Suspend { seen_outside: 0 }), |append, key| append.with_step(key));
        let offers = self.store.append(&[append]).await.expect("it is written").offers;
        assert_eq!(offers.len(), keys.len());
        (hold, offers)
    }

    pub(crate) async fn claim_step(&self, worker: WorkerId, offer: &Offer) -> Option<GrantedStep> {
        let ask = StepAsk { dispatch: offer.dispatch.clone(), epoch: offer.epoch, hold: HoldId::new(fresh()) };
        let granted = self.store.claim_steps(worker, &[ask]).await;
        granted.expect("claims are answered").pop()
    }

    pub(crate) async fn take_step(&self, worker: WorkerId, offer: &Offer) -> GrantedStep {
        self.claim_step(worker, offer).await.expect("it is granted")
    }

    pub(crate) async fn finish_step(&self, worker: WorkerId, step: &GrantedStep, ending: StepEnding) -> FinishPass {
        self.store.finish(&[finishing(worker, step, ending)]).await.expect("it is written")
    }
}

#[tokio::test]
async fn a_fan_out_runs_while_its_run_is_suspended_and_wakes_it() {
    let db = Database::new("steps_road").await;
    let worker = db.worker().await;
    let (hold, offers) = db.fan_out(worker, &["a#1", "b#1"]).await;
    assert_eq!(db.row(hold.run).await.state, RunState::Suspended);
    let (a, b) = (db.take_step(worker, &offers[0]).await, db.take_step(worker, &offers[1]).await);
    assert_eq!((a.function.as_str(), a.try_number, a.failed_tries), ("charge", 1, 0));
    assert_eq!(a.input, payload("a#1"));
    assert!(db.claim_step(worker, &offers[0]).await.is_none(), "one hold");
    let first = db.finish_step(worker, &b, done(&b)).await;
    assert_eq!(first.wrote, [Finish::Written]);
    assert!(first.told[0].publish.is_some(), "the suspended run is queued");
    let second = db.finish_step(worker, &a, done(&a)).await;
    assert!(second.told[0].publish.is_none(), "once");
    assert_eq!(db.journal(hold.run).await, ["a#1 step outside 2", "b#1 step outside 1"]);
    // Both again: the answers were lost.
    for step in [&a, &b] {
        let repeat = db.finish_step(worker, step, done(step)).await;
        assert_eq!((repeat.wrote, repeat.told.len()), (vec![Finish::Written], 0));
    }
    db.finish().await;
}

#[tokio::test]
async fn many_results_of_one_run_are_told_at_once() {
    let db = Database::new("steps_many").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let append = hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1").with_step("c#1");
    let offers = db.store.append(&[append]).await.expect("written").offers;
    let mut ends = Vec::new();
    for offer in &offers {
        let step = db.take_step(worker, offer).await;
        ends.push(finishing(worker, &step, done(&step)));
    }
    let pass = db.store.finish(&ends).await.expect("written");
    assert_eq!(pass.told.len(), 1);
    assert_eq!((pass.told[0].fired, pass.told[0].outside), (3, 3));
    assert_eq!(pass.told[0].holder, Some((worker, hold.attempt)));
    db.finish().await;
}

#[tokio::test]
async fn a_try_that_failed_is_followed_by_another_when_it_is_due() {
    let db = Database::new("steps_again").await;
    let (worker, other) = (db.worker().await, db.worker().await);
    let (hold, offers) = db.fan_out(worker, &["a#1"]).await;
    let first = db.take_step(worker, &offers[0]).await;
    let pass = db.finish_step(worker, &first, again(&first, LONG)).await;
    assert!(pass.offers.is_empty() && pass.next_due.expect("it is due") > Duration::from_secs(3500));
    assert!(db.store.next_due().await.expect("read").is_some());
    assert!(db.store.steps_due(10).await.expect("looked").is_empty(), "never early");
    assert!(db.claim_step(other, &offers[0]).await.is_none());
    let tries = db.store.tries_of(hold.run, 10).await.expect("read");
    assert_eq!((tries.len(), tries[0].try_number, tries[0].worker), (1, 1, worker));
    assert_eq!(db.finish_step(worker, &first, done(&first)).await.wrote, [Finish::Fenced], "an old hold");
    db.tamper(include_str!("../sql/make_step_due.sql"), hold.run.uuid()).await;
    let due = db.store.steps_due(10).await.expect("looked");
    assert!(due[0].offer.epoch > offers[0].epoch);
    let second = db.take_step(other, &due[0].offer).await;
    assert_eq!((second.try_number, second.failed_tries), (2, 1));
    assert_eq!(second.first_started_at, Some(Timestamp::from_micros(1_000_000)));
    assert_eq!(db.finish_step(other, &second, done(&second)).await.wrote, [Finish::Written]);
    db.finish().await;
}

#[tokio::test]
async fn what_is_returned_goes_to_another_without_a_strike() {
    let db = Database::new("steps_returned").await;
    let (worker, other) = (db.worker().await, db.worker().await);
    let (_, offers) = db.fan_out(worker, &["a#1", "b#1"]).await;
    let (a, b) = (db.take_step(worker, &offers[0]).await, db.take_step(worker, &offers[1]).await);
    let pass = db.finish_step(worker, &a, RETURNED).await;
    let lacking = StepEnding::Returned { reason: HandBackReason::Lacking };
    let waits = db.finish_step(worker, &b, lacking).await;
    assert!(waits.offers.is_empty() && waits.next_due.is_some(), "a moment, for one that has it");
    let taken = db.take_step(other, &pass.offers[0]).await;
    assert_eq!((taken.try_number, taken.failed_tries), (1, 0));
    assert_eq!(db.finish_step(worker, &a, RETURNED).await.wrote, [Finish::Fenced]);
    db.finish().await;
}

#[tokio::test]
async fn an_old_hold_of_the_same_worker_does_not_count() {
    let db = Database::new("steps_old_hold").await;
    let worker = db.worker().await;
    let (hold, offers) = db.fan_out(worker, &["a#1"]).await;
    let old = db.take_step(worker, &offers[0]).await;
    let back = db.finish_step(worker, &old, RETURNED).await;
    let step = db.take_step(worker, &back.offers[0]).await;
    for ending in [done(&old), again(&old, LONG), RETURNED] {
        assert_eq!(db.finish_step(worker, &old, ending).await.wrote, [Finish::Fenced]);
    }
    assert!(db.journal(hold.run).await.is_empty());
    assert_eq!(db.finish_step(worker, &step, done(&step)).await.wrote, [Finish::Written]);
    db.finish().await;
}

#[tokio::test]
async fn claims_are_refused_by_epoch_org_and_life() {
    let db = Database::new("steps_claims").await;
    let (worker, dead) = (db.worker().await, db.worker().await);
    db.store.leave(dead).await.expect("it leaves");
    let (hold, offers) = db.fan_out(worker, &["a#1"]).await;
    assert!(db.claim_step(dead, &offers[0]).await.is_none());
    let published = db.store.publish_steps(&offers).await.expect("published");
    assert_eq!(published[0].epoch, offers[0].epoch);
    assert!(db.store.publish_steps(&offers).await.expect("published").is_empty(), "once");
    let anew = db.store.republish_steps(&published).await.expect("published");
    assert!(db.claim_step(worker, &published[0]).await.is_none(), "an older publish");
    sqlx::query(include_str!("../sql/add_org.sql")).bind("other").execute(&db.pool).await.expect("an org");
    let foreigner = WorkerId::new(fresh());
    let mut foreign = register(foreigner);
    foreign.org = Org::new("other").expect("a name");
    db.store.register(&foreign, LONG).await.expect("it registers");
    let ask = StepAsk { dispatch: named(hold.run, "a#1"), epoch: anew[0].epoch, hold: HoldId::new(fresh()) };
    let theirs = db.store.claim_steps(foreigner, std::slice::from_ref(&ask)).await.expect("answered");
    assert!(theirs.is_empty(), "another org");
    for _ in 0..2 {
        let granted = db.store.claim_steps(worker, std::slice::from_ref(&ask)).await.expect("answered");
        assert_eq!(granted.len(), 1, "its answer may have been lost");
    }
    assert!(db.store.step_input(&ask.dispatch, ask.hold, worker).await.expect("read").is_some());
    assert!(db.store.step_input(&ask.dispatch, HoldId::new(fresh()), worker).await.expect("read").is_none());
    db.finish().await;
}

#[tokio::test]
async fn what_is_withdrawn_is_dropped_wherever_it_is() {
    let db = Database::new("steps_withdrawn").await;
    let worker = db.worker().await;
    let (one, two) = (db.held(worker).await, db.held(worker).await);
    let mut appends = [&one, &two].map(|hold| hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1")).to_vec();
    appends.sort_by_key(|appending| appending.append.run);
    let offers = db.store.append(&appends).await.expect("written").offers;
    let held = offers.iter().find(|offer| offer.dispatch == named(one.run, "a#1")).expect("it is offered");
    let step = db.take_step(worker, held).await;
    // Each withdraws what the other keeps.
    let mut appends = vec![one.append(2, Next::GoOn).without("a#1"), two.append(2, Next::GoOn).without("b#1")];
    appends.sort_by_key(|appending| appending.append.run);
    let pass = db.store.append(&appends).await.expect("written");
    assert_eq!(pass.dropped.len(), 1, "only what is executed is told");
    assert_eq!((&pass.dropped[0].dispatch, pass.dropped[0].hold), (&step.dispatch, step.hold));
    let keys = async |run| {
        let steps = db.store.steps_of(run, 10).await.expect("read");
        steps.into_iter().map(|step| step.key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((keys(one.run).await, keys(two.run).await), (vec!["b#1".to_owned()], vec!["a#1".to_owned()]));
    assert_eq!(db.finish_step(worker, &step, done(&step)).await.wrote, [Finish::Fenced]);
    db.finish().await;
}

#[tokio::test]
async fn the_end_of_a_run_clears_what_it_gave_away() {
    let db = Database::new("steps_ends").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let offers = db.store.append(&[hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1")]).await;
    let step = db.take_step(worker, &offers.expect("written").offers[0]).await;
    let end = hold.append(2, Next::Complete(payload("x"))).with_step("late#1");
    let pass = db.store.append(&[end]).await.expect("written");
    assert_eq!((pass.dropped.len(), pass.offers.len()), (1, 0));
    assert_eq!(db.finish_step(worker, &step, done(&step)).await.wrote, [Finish::Fenced]);
    assert_eq!(db.finish_step(worker, &step, again(&step, LONG)).await.wrote, [Finish::Fenced]);
    db.finish().await;
}

#[tokio::test]
async fn a_suspend_that_nothing_could_wake_is_refused() {
    let db = Database::new("steps_sleepless").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let suspend = |number| hold.append(number, Next::Suspend { seen_outside: 0 });
    assert!(matches!(db.append(suspend(1)).await, AppendAnswer::Invalid { .. }));
    assert_eq!(db.row(hold.run).await.state, RunState::Running);
    assert_eq!(db.append(hold.append(1, Next::GoOn).with_step("a#1")).await, AppendAnswer::Accepted);
    assert!(matches!(db.append(suspend(2).without("a#1")).await, AppendAnswer::Invalid { .. }), "it takes it along");
    let steps = db.store.steps_of(hold.run, 10).await.expect("read");
    assert_eq!(steps.len(), 1, "all of it or nothing");
    assert_eq!(db.append(suspend(2)).await, AppendAnswer::Accepted);
    assert_eq!(db.row(hold.run).await.state, RunState::Suspended);
    db.finish().await;
}

#[tokio::test]
async fn open_calls_say_what_was_given_away_page_by_page() {
    let db = Database::new("steps_open").await;
    let worker = db.worker().await;
    let keys = ["a#1", "b#1", "c#1"];
    let (hold, offers) = db.fan_out(worker, &keys).await;
    let step = db.take_step(worker, &offers[1]).await;
    db.finish_step(worker, &step, again(&step, LONG)).await;
    let page = async |after: Option<&str>| {
        let after = after.map(StepKey::new);
        let rows = db.store.open_calls(&[hold.run], after.as_ref(), 2).await.expect("read");
        rows.into_iter().map(|row| row.call).collect::<Vec<_>>()
    };
    let first = page(None).await;
    assert_eq!(first.iter().map(|call| call.key.as_str()).collect::<Vec<_>>(), ["a#1", "b#1"]);
    assert!(first.iter().all(|call| call.waiting == Some(Waiting::Dispatched)));
    assert_eq!(first[1].failed_tries, 1);
    assert_eq!(page(Some("b#1")).await.len(), 1);
    db.finish().await;
}

#[tokio::test]
async fn what_a_holder_tried_before_counts_on_after_it_is_given_away() {
    let db = Database::new("steps_tried").await;
    let worker = db.worker().await;
    let run = db.accept(Placement::Queued).await;
    // Tries of the run's third epoch came before.
    let mut hold = db.wish(worker, run).await;
    for _ in 0..2 {
        assert!(db.claim(&hold).await.is_some());
        db.store.hand_back(worker, &[(run, hold.attempt)], None).await.expect("it goes back");
        hold = db.wish(worker, run).await;
    }
    assert!(db.claim(&hold).await.is_some());
    let began = Timestamp::from_micros(1_000_000);
    let mut appending = hold.append(1, Next::GoOn).with_step("a#1");
    let given = &mut appending.append.dispatches[0];
    (given.failed_tries, given.next_try, given.first_started_at) = (2, 4, Some(began));
    let offer = db.store.append(&[appending]).await.expect("written").offers.remove(0);
    let step = db.take_step(worker, &offer).await;
    assert_eq!((step.epoch, step.try_number), (hold.epoch, 4), "neither goes back");
    assert_eq!((hold.epoch, step.failed_tries, step.first_started_at), (Epoch(3), 2, Some(began)));
    db.finish().await;
}
