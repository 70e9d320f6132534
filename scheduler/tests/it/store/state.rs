use std::time::Duration;

use piton_scheduler::{
    journal::Committer,
    store::{NewRun, Placement},
};
use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, Epoch, RunId},
    limits::DEDUPE_WINDOW,
    message::{
        append::{AppendAnswer, Next},
        state::{
            StateScope::{self, Run, Session},
            StateValue,
        },
    },
};

use crate::{
    database::Database,
    making::{Hold, ORG, With, fresh, new_run, payload, set},
};

impl Database {
    /// A run of a session, held by a worker of its own.
    async fn in_session(&self, session: &str) -> Hold {
        let worker = self.worker().await;
        let attempt = AttemptId::new(fresh());
        let placement = Placement::Held { worker, attempt, heartbeat: 0 };
        let run = NewRun { session: Some(session.into()), ..new_run(placement) };
        let accepted = self.store.intake(std::slice::from_ref(&run), DEDUPE_WINDOW).await;
        assert_eq!(accepted.expect("it is accepted").len(), 1);
        Hold { run: run.id, epoch: Epoch(1), attempt, worker }
    }

    async fn value(&self, run: RunId, scope: StateScope, name: &str) -> (Option<String>, i64) {
        let value = self.store.state(run, scope, name).await.expect("state is read");
        (value.value.map(|value| codec::decode(&value).expect("it is text")), value.version)
    }
}

fn stands(value: Option<&str>, version: i64) -> AppendAnswer {
    AppendAnswer::Conflict { current: StateValue { value: value.map(payload), version } }
}

#[tokio::test]
async fn a_value_is_written_with_its_row_or_not_at_all() {
    let db = Database::new("state_write").await;
    let worker = db.worker().await;
    let hold = db.held(worker).await;
    assert_eq!(db.value(hold.run, Run, "a").await, (None, 0));
    assert_eq!(db.append(hold.writes(1, 1, set(Run, "a", Some("x"), 0))).await, AppendAnswer::Accepted);
    assert_eq!(db.append(hold.writes(2, 2, set(Run, "a", Some("y"), 1))).await, AppendAnswer::Accepted);
    assert_eq!(db.value(hold.run, Run, "a").await, (Some("y".into()), 2));
    for expected in [0, 1, 3] {
        let refused = hold.writes(3, 3, set(Run, "a", Some("z"), expected)).with_sleep("sleep#1", Duration::ZERO);
        assert_eq!(db.append(refused).await, stands(Some("y"), 2), "over {expected}");
    }
    assert_eq!(db.journal(hold.run).await, ["set#1 state own 1 after 0", "set#2 state own 2 after 0"]);
    assert!(db.waits(hold.run).await.is_empty());
    // Deleted, it goes on counting: nobody who saw an older value can take its place.
    assert_eq!(db.append(hold.writes(3, 3, set(Run, "a", None, 2))).await, AppendAnswer::Accepted);
    assert_eq!(db.value(hold.run, Run, "a").await, (None, 3));
    assert_eq!(db.append(hold.writes(4, 4, set(Run, "a", Some("z"), 0))).await, stands(None, 3));
    assert_eq!(db.append(hold.writes(4, 4, set(Run, "a", Some("z"), 3))).await, AppendAnswer::Accepted);
    assert_eq!(db.value(hold.run, Run, "a").await, (Some("z".into()), 4));
    db.finish().await;
}

#[tokio::test]
async fn a_repeat_is_recognised_and_an_old_hold_refused() {
    let db = Database::new("state_repeat").await;
    let (one, two) = (db.worker().await, db.worker().await);
    let hold = db.held(one).await;
    let write = hold.writes(1, 1, set(Session, "n", Some("1"), 0));
    assert_eq!(db.append(write.clone()).await, AppendAnswer::Accepted);
    assert_eq!(db.append(write).await, AppendAnswer::Accepted, "its answer was lost");
    assert_eq!(db.value(hold.run, Session, "n").await, (Some("1".into()), 1));
    let gap = hold.writes(3, 2, set(Session, "n", Some("3"), 1));
    assert!(matches!(db.append(gap).await, AppendAnswer::Invalid { .. }));
    db.store.hand_back(one, &[(hold.run, hold.attempt)], None).await.expect("it comes back");
    let next = db.take(two, hold.run).await;
    assert_eq!(db.append(hold.writes(2, 2, set(Session, "n", Some("2"), 1))).await, AppendAnswer::Fenced);
    // A row that stands there already is told as it is, and the write that went with it is not made again.
    assert_eq!(db.append(next.writes(1, 1, set(Session, "n", Some("2"), 1))).await, AppendAnswer::Superseded);
    assert_eq!(db.value(hold.run, Session, "n").await, (Some("1".into()), 1));
    db.finish().await;
}

/// Two runs of a session add up through conflicts, each through a store of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_two_runs_of_a_session() {
    const TIMES: u32 = 200;
    let db = Database::new("state_session").await;
    let mut adding = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let hold = db.in_session("s 1").await;
        let store = db.other_store().await;
        let committer = Committer { store: store.clone(), ..db.committer() };
        adding.spawn(async move {
            let mut current = store.state(hold.run, Session, "sum").await.expect("it is read");
            let mut conflicts = 0;
            for time in 1..=TIMES {
                loop {
                    let sum: u32 = current.value.as_deref().map_or(0, |sum| codec::decode(sum).expect("a number"));
                    let mut write = set(Session, "sum", None, current.version);
                    write.value = Some(codec::encode(&(sum + 1)).expect("a number encodes"));
                    let append = hold.writes(time, time, write.clone());
                    let outcome = committer.outcomes(std::slice::from_ref(&append)).await.pop().expect("one outcome");
                    match outcome.expect("it is known") {
                        AppendAnswer::Accepted => {
                            current = StateValue { value: write.value, version: write.expected + 1 };
                            break;
                        }
                        AppendAnswer::Conflict { current: now } => {
                            assert!(now.version > current.version, "versions never go back");
                            current = now;
                            conflicts += 1;
                        }
                        other @ (AppendAnswer::Fenced
                        | AppendAnswer::Superseded
                        | AppendAnswer::Overtaken { .. }
                        | AppendAnswer::Invalid { .. }) => panic!("{other:?}"),
                    }
                }
            }
            conflicts
        });
    }
    let conflicts: Vec<u32> = adding.join_all().await;
    let run = db.in_session("s 1").await.run;
    let sum = db.store.state(run, Session, "sum").await.expect("it is read");
    let count: u32 = codec::decode(&sum.value.expect("it was written")).expect("a number");
    assert_eq!((count, sum.version), (2 * TIMES, i64::from(2 * TIMES)), "after {conflicts:?} conflicts");
    db.finish().await;
}

#[tokio::test]
async fn one_commit_takes_one_write_of_a_value_and_any_of_others() {
    let db = Database::new("state_together").await;
    let holds = [db.in_session("s").await, db.in_session("s").await, db.in_session("t").await];
    let write = |hold: &Hold| hold.writes(1, 1, set(Session, "n", Some("x"), 0));
    let mut appends: Vec<_> = holds.iter().map(write).collect();
    appends.push(db.held(db.worker().await).await.rows(1, &["a#1"]));
    let outcomes: Vec<_> = db.outcomes(appends).await.into_iter().map(|it| it.expect("it is known")).collect();
    let count = |of: &AppendAnswer| outcomes.iter().filter(|it| *it == of).count();
    assert_eq!((count(&AppendAnswer::Accepted), count(&stands(Some("x"), 1))), (3, 1), "{outcomes:?}");
    db.finish().await;
}

#[tokio::test]
async fn the_end_of_a_run_takes_its_own_state_with_it_and_leaves_its_sessions() {
    let db = Database::new("state_end").await;
    let ends = [Next::Complete(payload("done")), Next::Fail(Failure::new("no")), Next::Cancel(Failure::cancelled())];
    let mut holds = Vec::new();
    for end in ends.map(Some).into_iter().chain([None]) {
        let hold = db.in_session("s").await;
        for (number, scope) in [(1, Run), (2, Session)] {
            let write = hold.writes(number, number, set(scope, &format!("of {}", hold.run), Some("x"), 0));
            assert_eq!(db.append(write).await, AppendAnswer::Accepted);
        }
        holds.push((hold, end));
    }
    for (hold, end) in holds {
        let name = format!("of {}", hold.run);
        assert_eq!(db.value(hold.run, Run, &name).await, (Some("x".into()), 1));
        match end {
            Some(end) => assert_eq!(db.append(hold.append(3, end)).await, AppendAnswer::Accepted),
            None => drop(db.store.kill(hold.run, &ORG).await.expect("it is killed")),
        }
        assert_eq!(db.value(hold.run, Run, &name).await, (None, 0));
        assert_eq!(db.value(hold.run, Session, &name).await, (Some("x".into()), 1));
    }
    db.finish().await;
}

#[tokio::test]
async fn sessions_are_kept_apart_and_a_run_without_one_is_its_own() {
    let db = Database::new("state_owners").await;
    let worker = db.worker().await;
    let (alone, other) = (db.held(worker).await, db.held(worker).await);
    let (one, two) = (db.in_session("one").await, db.in_session("two").await);
    for (hold, value) in [(&alone, "alone"), (&one, "one"), (&two, "two")] {
        assert_eq!(db.append(hold.writes(1, 1, set(Session, "n", Some(value), 0))).await, AppendAnswer::Accepted);
    }
    for (hold, value) in [(&alone, Some("alone")), (&other, None), (&one, Some("one")), (&two, Some("two"))] {
        assert_eq!(db.value(hold.run, Session, "n").await.0.as_deref(), value);
        assert_eq!(db.value(hold.run, Run, "n").await, (None, 0), "the run's own is another");
    }
    let owner = alone.run.to_string();
    let rows = db.store.state_list(&ORG, Session, &owner, "", 10).await.expect("it is listed");
    assert_eq!(rows.iter().map(|row| (&*row.name, row.version)).collect::<Vec<_>>(), [("n", 1)]);
    db.finish().await;
}

#[tokio::test]
async fn values_are_listed_by_name_without_those_that_were_deleted() {
    let db = Database::new("state_list").await;
    let hold = db.held(db.worker().await).await;
    for (number, name) in (1..).zip(["c", "a", "d", "b"]) {
        assert_eq!(db.append(hold.writes(number, number, set(Run, name, Some(name), 0))).await, AppendAnswer::Accepted);
    }
    assert_eq!(db.append(hold.writes(5, 5, set(Run, "b", None, 1))).await, AppendAnswer::Accepted);
    let owner = hold.run.to_string();
    let page = async |after: &str| {
        let rows = db.store.state_list(&ORG, Run, &owner, after, 2).await.expect("it is listed");
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(page("").await, ["a", "c"]);
    assert_eq!(page("c").await, ["d"]);
    db.finish().await;
}
