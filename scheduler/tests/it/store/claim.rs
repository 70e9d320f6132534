//! Claims: one attempt holds a run, whatever is delivered how often.

use piton_scheduler::store::Placement;
use piton_shared::{
    ids::{AttemptId, Epoch, RunId, WorkerId},
    message::{
        append::{AppendAnswer, Next},
        claim::Waiting,
        dispatch::StepAsk,
    },
    name::Org,
    state::RunState,
};

use crate::{
    database::Database,
    making::{Hold, LONG, ORG, With, fresh, payload, register},
};

#[tokio::test]
async fn a_queued_run_is_granted_once_and_again_to_the_same_attempt() {
    let db = Database::new("claim_grant").await;
    let (worker, other) = (db.worker().await, db.worker().await);
    let run = db.accept(Placement::Queued).await;
    let hold = db.wish(worker, run).await;
    for _ in 0..3 {
        let granted = db.claim(&hold).await.expect("it is granted");
        assert_eq!((granted.run, granted.epoch, granted.attempts), (run, Epoch(1), 1));
        assert_eq!((granted.attempt, &granted.workflow[..]), (hold.attempt, "order"));
        assert_eq!((granted.seed, granted.input), (run.uuid(), payload("input")));
    }
    for wish in [db.wish(worker, run).await, db.wish(other, run).await] {
        assert!(db.claim(&wish).await.is_none(), "another attempt is not");
    }
    let thief = Hold { worker: other, ..hold };
    assert!(db.claim(&thief).await.is_none(), "nor another worker with it");
    // A late delivery of the claim changes nothing in what was appended since.
    let sleep = hold.append(1, Next::GoOn).with_sleep("s#1", LONG);
    assert_eq!(db.append(sleep.clone()).await, AppendAnswer::Accepted);
    assert!(db.claim(&hold).await.is_some());
    assert_eq!(db.append(sleep).await, AppendAnswer::Accepted);
    assert_eq!(db.waits(run).await, ["s#1"]);
    let done = hold.append(2, Next::Complete(payload("x")));
    assert_eq!(db.append(done).await, AppendAnswer::Accepted);
    assert!(db.claim(&hold).await.is_none(), "it has ended");
    db.finish().await;
}

#[tokio::test]
async fn what_is_stale_foreign_or_dead_is_not_granted() {
    let db = Database::new("claim_refused").await;
    let worker = db.worker().await;
    let run = db.accept(Placement::Queued).await;
    let wish = db.wish(worker, run).await;
    for epoch in [0, 2] {
        let wrong = Hold { epoch: Epoch(epoch), ..wish };
        assert!(db.claim(&wrong).await.is_none(), "epoch {epoch}");
    }
    let nobody = Hold { worker: WorkerId::new(fresh()), ..wish };
    assert!(db.claim(&nobody).await.is_none(), "an unknown worker");
    let gone = db.worker().await;
    db.store.leave(gone).await.expect("it leaves");
    assert!(db.claim(&Hold { worker: gone, ..wish }).await.is_none(), "a worker that left");
    let nothing = Hold { run: RunId::new(fresh()), ..wish };
    assert!(db.claim(&nothing).await.is_none(), "a run that is not there");
    sqlx::query(include_str!("../sql/add_org.sql")).bind("other").execute(&db.pool).await.expect("an org");
    let foreigner = WorkerId::new(fresh());
    let mut foreign = register(foreigner);
    foreign.org = Org::new("other").expect("a name");
    db.store.register(&foreign, LONG).await.expect("it registers");
    assert!(db.claim(&Hold { worker: foreigner, ..wish }).await.is_none(), "another org");
    let waiting = db.accept(Placement::Backlog).await;
    let early = db.wish(worker, waiting).await;
    assert!(db.claim(&early).await.is_none(), "the backlog");
    assert!(db.claim(&wish).await.is_some());
    db.finish().await;
}

#[tokio::test]
async fn one_request_claims_many_and_each_run_has_one_winner() {
    let db = Database::new("claim_many").await;
    let workers = [db.worker().await, db.worker().await];
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(db.accept(Placement::Queued).await);
    }
    let stores = [db.store.clone(), db.other_store().await];
    let claims = workers.iter().zip(&stores).map(|(worker, store)| {
        let asks: Vec<_> = runs
            .iter()
            .map(|run| {
                let attempt = AttemptId::new(fresh());
                Hold { run: *run, epoch: Epoch(1), attempt, worker: *worker }.ask()
            })
            .collect();
        async move { store.claim(*worker, &asks).await.expect("it is answered") }
    });
    let granted: Vec<_> = futures::future::join_all(claims).await.into_iter().flatten().collect();
    assert_eq!(granted.len(), 40);
    for run in runs {
        assert_eq!(db.row(run).await.state, RunState::Running);
    }
    db.finish().await;
}

#[tokio::test]
async fn a_claim_that_waited_for_a_republish_is_stale() {
    let db = Database::new("claim_republish").await;
    let worker = db.worker().await;
    let run = db.accept(Placement::Queued).await;
    db.tamper_publish(run, 60).await;
    let wish = db.wish(worker, run).await;
    let overdue = db.store.overdue_published(std::time::Duration::from_secs(2), 10).await;
    let again = db.store.republish(&overdue.expect("it is found")).await.expect("it is published");
    assert_eq!(again[0].epoch, Epoch(2));
    assert!(db.claim(&wish).await.is_none());
    db.take(worker, run).await;
    db.finish().await;
}

#[tokio::test]
async fn a_resume_is_told_what_is_open() {
    let db = Database::new("claim_open").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    let append = hold
        .append(1, Next::GoOn)
        .with_rows(1, &["done#1"])
        .with_failed_try("done#1", 1)
        .with_failed_try("again#1", 1)
        .with_failed_try("again#1", 2)
        .with_failed_try("broken#1", 1)
        .with_failed_try("broken#1", 3)
        .with_failed_try("later#1", 1)
        .with_sleep("nap#1", LONG)
        .with_retry("later#1", 2, LONG);
    assert_eq!(db.append(append).await, AppendAnswer::Accepted);
    let mut open = db.store.open_calls(&[hold.run], None, 100).await.expect("they are read");
    open.sort_by(|one, two| one.call.key.cmp(&two.call.key));
    let short: Vec<_> = open
        .iter()
        .map(|row| (row.call.key.as_str(), row.call.failed_tries, row.call.last_try, row.call.waiting))
        .collect();
    let expected = [
        ("again#1", 2, 2, None),
        // The second try was interrupted: it failed not, and its number is not used again.
        ("broken#1", 2, 3, None),
        ("later#1", 1, 1, Some(Waiting::Retry)),
        ("nap#1", 0, 0, Some(Waiting::Sleep)),
    ];
    assert_eq!(short, expected);
    db.make_due(hold.run).await;
    db.store.fire_due(10).await.expect("timers fire");
    let open = db.store.open_calls(&[hold.run], None, 100).await.expect("they are read");
    assert!(open.iter().all(|row| row.call.waiting.is_none()));
    assert_eq!(open.len(), 3, "the nap is over");
    db.finish().await;
}

#[tokio::test]
async fn what_was_paused_since_its_claim_is_not_granted_again() {
    let db = Database::new("claim_paused").await;
    let worker = db.worker().await;
    let (hold, offers) = db.fan_out(worker, &["a#1"]).await;
    let run = db.accept(Placement::Queued).await;
    let held = db.wish(worker, run).await;
    assert!(db.claim(&held).await.is_some());
    let step = db.take_step(worker, &offers[0]).await;
    let ask = StepAsk { dispatch: step.dispatch, epoch: step.epoch, hold: step.hold };
    let again = async || db.store.claim_steps(worker, std::slice::from_ref(&ask)).await.expect("answered").len();
    assert_eq!((db.claim(&held).await.is_some(), again().await), (true, 1), "the answers were lost");
    for paused in [run, hold.run] {
        db.store.pause(paused, &ORG).await.expect("answered").expect("it is there");
    }
    // The grant would have seen the pause, as one does that was given after its end.
    assert_eq!((db.claim(&held).await.is_some(), again().await), (false, 0));
    db.finish().await;
}
