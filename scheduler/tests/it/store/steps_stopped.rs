//! What stops dispatched work: deaths of workers, a kill, a pause.

use piton_scheduler::store::{Back, Finish, KillOutcome, Offer, PauseOutcome, Poisoned, ResumeOutcome};
use piton_shared::{ids::Epoch, journal::StepKey, message::append::Next, parked::Parked, state::RunState};

use super::steps::{RETURNED, done};
use crate::{
    database::Database,
    making::{ORG, With, publish_next},
};

#[tokio::test]
async fn the_end_of_a_lease_gives_it_to_others_and_too_many_park_the_run() {
    let db = Database::new("steps_leases").await;
    let home = db.worker().await;
    let (hold, offers) = db.fan_out(home, &["a#1"]).await;
    let mut offer = offers[0].clone();
    for strike in 1..=3 {
        let dying = db.worker().await;
        let step = db.take_step(dying, &offer).await;
        assert_eq!((step.try_number, step.failed_tries), (strike, 0));
        db.expire(dying).await;
        let left = db.store.end_lease(dying, 3).await.expect("answered").expect("it ended");
        assert_eq!(db.finish_step(dying, &step, done(&step)).await.wrote, [Finish::Fenced]);
        if strike < 3 {
            offer = left.offers[0].clone();
        } else {
            assert_eq!(left.offers, []);
            assert_eq!(left.poisoned, [Poisoned { run: hold.run, holder: None }], "it is suspended");
        }
    }
    let row = db.row(hold.run).await;
    assert_eq!(row.parked, Some(Parked::Poison { strikes: 3, step: Some(StepKey::new("a#1")) }));
    assert!(
        db.store
            .step_backlog(&db.store.step_depths(10).await.expect("read").pop().unwrap_or(depth()), 10)
            .await
            .expect("read")
            .is_empty()
    );
    let resumed = db.store.resume(hold.run, &ORG).await.expect("answered").expect("it is there");
    let ResumeOutcome::Resumed { offers, .. } = resumed else { panic!("{resumed:?}") };
    let step = db.take_step(home, &offers[0]).await;
    assert_eq!(step.try_number, 4);
    assert_eq!(db.finish_step(home, &step, done(&step)).await.wrote, [Finish::Written]);
    db.finish().await;
}

fn depth() -> piton_scheduler::store::Depth {
    let queue = piton_shared::name::Queue::DEFAULT;
    piton_scheduler::store::Depth { org: ORG, queue, build: None, published: 0, backlog: 0 }
}

#[tokio::test]
async fn a_step_is_not_stopped_for_leases_that_ended_while_their_processes_lived() {
    let db = Database::new("steps_lapsed").await;
    let home = db.worker().await;
    let (hold, offers) = db.fan_out(home, &["a#1"]).await;
    let mut offer = offers[0].clone();
    let lapse = async |offer: &Offer| {
        let worker = db.worker().await;
        db.take_step(worker, offer).await;
        db.expire(worker).await;
        (worker, db.store.end_lease(worker, 3).await.expect("answered").expect("it ended"))
    };
    for _ in 0..4 {
        let (worker, left) = lapse(&offer).await;
        offer = left.offers[0].clone();
        let back = db.store.came_back(worker, &ORG).await.expect("answered");
        assert!(matches!(&back, Back::TakenBack { runs, offers } if runs.is_empty() && offers.is_empty()), "{back:?}");
    }
    // Nobody came back of the next two; of the third one did, after the run was parked.
    for _ in 0..2 {
        offer = lapse(&offer).await.1.offers[0].clone();
    }
    let (worker, left) = lapse(&offer).await;
    assert_eq!((left.offers.len(), left.poisoned.len()), (0, 1));
    assert_eq!(db.row(hold.run).await.state, RunState::Parked);
    let back = db.store.came_back(worker, &ORG).await.expect("answered");
    let Back::TakenBack { runs, offers } = back else { panic!("{back:?}") };
    assert_eq!((runs.len(), offers.len()), (1, 1));
    assert_eq!(db.row(hold.run).await.state, RunState::Queued);
    db.finish().await;
}

#[tokio::test]
async fn a_worker_that_leaves_is_no_strike() {
    let db = Database::new("steps_leave").await;
    let (worker, other) = (db.worker().await, db.worker().await);
    let (_, offers) = db.fan_out(other, &["a#1"]).await;
    db.take_step(worker, &offers[0]).await;
    let left = db.store.leave(worker).await.expect("it leaves").expect("it was there");
    let step = db.take_step(other, &left.offers[0]).await;
    assert_eq!(step.try_number, 1);
    db.finish().await;
}

#[tokio::test]
async fn a_kill_names_everybody_who_works_on_the_run() {
    let db = Database::new("steps_kill").await;
    let (holder, executor) = (db.worker().await, db.worker().await);
    let hold = db.held(holder).await;
    let offers = db.store.append(&[hold.append(1, Next::GoOn).with_step("a#1").with_step("b#1")]).await;
    let step = db.take_step(executor, &offers.expect("written").offers[0]).await;
    let killed = db.store.kill(hold.run, &ORG).await.expect("answered").expect("it is there");
    let KillOutcome::Killed { version, holders } = killed else { panic!("{killed:?}") };
    assert_eq!(std::collections::BTreeSet::from_iter(holders.clone()), [holder, executor].into());
    assert_eq!(db.finish_step(executor, &step, done(&step)).await.wrote, [Finish::Fenced]);
    assert!(!db.store.control_confirmed(&holders, version).await.expect("read"));
    db.store.leave(executor).await.expect("it leaves");
    assert!(!db.store.control_confirmed(&holders, version).await.expect("read"), "both");
    db.store.leave(holder).await.expect("it leaves");
    assert!(db.store.control_confirmed(&holders, version).await.expect("read"));
    db.finish().await;
}

#[tokio::test]
async fn a_paused_run_gives_nothing_away_and_keeps_what_ends() {
    let db = Database::new("steps_pause").await;
    let (holder, executor) = (db.worker().await, db.worker().await);
    let (hold, offers) = db.fan_out(holder, &["a#1", "b#1", "c#1", "d#1"]).await;
    let (a, b) = (db.take_step(executor, &offers[0]).await, db.take_step(executor, &offers[1]).await);
    let published = db.store.publish_steps(&offers[2..3]).await.expect("published");
    let paused = db.store.pause(hold.run, &ORG).await.expect("answered").expect("it is there");
    assert!(matches!(&paused, PauseOutcome::Paused { holders, .. } if *holders == [executor]), "{paused:?}");
    let before = db.store.pause(hold.run, &ORG).await.expect("answered");
    assert!(matches!(before, Some(PauseOutcome::Before)));
    db.assert_rules().await;
    for offer in published.iter().chain(&offers[3..]) {
        assert!(db.claim_step(holder, offer).await.is_none());
        // Nor by the number that it has now.
        let now = Offer { epoch: Epoch(offer.epoch.0 + 1), ..offer.clone() };
        assert!(db.claim_step(holder, &now).await.is_none());
    }
    assert!(db.store.publish_steps(&offers[3..]).await.expect("looked").is_empty());
    assert!(db.store.step_depths(10).await.expect("read").is_empty());
    // What is under way ends and is kept; the run that it wakes waits in the backlog.
    let pass = db.finish_step(executor, &a, done(&a)).await;
    assert_eq!((pass.wrote, pass.told[0].publish.is_none()), (vec![Finish::Written], true));
    assert!(db.finish_step(executor, &b, RETURNED).await.offers.is_empty());
    let row = db.row(hold.run).await;
    assert!(row.state == RunState::Backlog && row.paused_at.is_some());
    db.assert_rules().await;
    for depth in db.store.queue_depths(10).await.expect("read") {
        assert!(publish_next(&db.store, &depth, 10).await.is_empty());
    }
    let resumed = db.store.resume(hold.run, &ORG).await.expect("answered").expect("it is there");
    let ResumeOutcome::Resumed { offers, run, .. } = resumed else { panic!("{resumed:?}") };
    assert_eq!((offers.len(), run.state), (3, RunState::Backlog));
    let depth = db.store.queue_depths(10).await.expect("read").pop().expect("a queue");
    assert_eq!(publish_next(&db.store, &depth, 10).await.len(), 1);
    db.finish().await;
}

#[tokio::test]
async fn every_road_of_a_paused_run_leads_to_the_backlog() {
    let db = Database::new("steps_pause_roads").await;
    let worker = db.worker().await;
    let pause = async |run| db.store.pause(run, &ORG).await.expect("answered").expect("it is there");
    let (napping, cancelled) = (db.suspended(worker).await, db.suspended(worker).await);
    let (back, parked) = (db.held(worker).await, db.held(worker).await);
    let queued = db.accept(piton_scheduler::store::Placement::Queued).await;
    let dying = db.worker().await;
    let dead = db.held(dying).await;
    for run in [napping.run, cancelled.run, back.run, parked.run, queued, dead.run] {
        pause(run).await;
    }
    db.make_due(napping.run).await;
    assert!(db.store.fire_due(10).await.expect("fired")[0].publish.is_none());
    db.store.cancel(cancelled.run, &ORG, "stop").await.expect("answered");
    db.store.hand_back(worker, &[(back.run, back.attempt)], None).await.expect("answered");
    db.append(parked.append(1, Next::Park(Parked::Panic { message: "oh".into() }))).await;
    db.expire(dying).await;
    db.store.end_lease(dying, 3).await.expect("answered");
    for run in [napping.run, cancelled.run, back.run, queued, dead.run] {
        assert_eq!(db.row(run).await.state, RunState::Backlog);
    }
    db.assert_rules().await;
    for run in [napping.run, parked.run] {
        db.store.resume(run, &ORG).await.expect("answered");
    }
    assert_eq!(db.row(parked.run).await.state, RunState::Queued);
    db.store.kill(queued, &ORG).await.expect("answered");
    assert!(db.row(queued).await.paused_at.is_none());
    db.finish().await;
}
