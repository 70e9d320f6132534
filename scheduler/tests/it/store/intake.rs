//! Accepting runs: where they go, and that one key is one run.

use std::{collections::HashSet, time::Duration};

use piton_scheduler::store::{NewRun, Placement};
use piton_shared::{
    ids::{AttemptId, RunId},
    limits::DEDUPE_WINDOW,
    name::{Build, Org},
    state::RunState,
};

use crate::{
    database::Database,
    making::{fresh, new_run},
};

fn keyed(key: &str, print: u8) -> NewRun {
    NewRun { key: Some((key.into(), vec![print])), ..new_run(Placement::Queued) }
}

#[tokio::test]
async fn a_batch_goes_where_it_was_placed() {
    let db = Database::new("intake_places").await;
    let (alive, dead) = (db.worker().await, db.worker().await);
    db.store.leave(dead).await.expect("it leaves");
    let held = |worker| Placement::Held { worker, attempt: AttemptId::new(fresh()), heartbeat: 0 };
    let expected = [
        (held(alive), RunState::Running, 1, 1),
        (held(dead), RunState::Queued, 1, 0),
        (Placement::Queued, RunState::Queued, 1, 0),
        (Placement::Backlog, RunState::Backlog, 0, 0),
    ];
    let runs: Vec<_> = expected
        .iter()
        .map(|(placement, ..)| NewRun {
            tags: vec!["a".into(), "b".into()],
            session: Some("s".into()),
            build: Some(Build::new("b1").expect("a name")),
            trace: Some("t".into()),
            ..new_run(*placement)
        })
        .collect();
    let accepted = db.store.intake(&runs, DEDUPE_WINDOW).await.expect("taken");
    assert_eq!(accepted.len(), runs.len());
    for (run, (_, state, epoch, attempts)) in runs.iter().zip(expected) {
        let told = accepted.iter().find(|one| one.run == run.id).expect("it is told");
        let row = db.row(run.id).await;
        assert_eq!((told.state, row.state), (state, state));
        assert_eq!((row.epoch, row.attempts), (epoch, attempts));
        assert_eq!(told.created_at, row.created_at);
        assert_eq!(row.tags, ["a", "b"]);
        assert_eq!(
            (row.session.as_deref(), row.build.as_deref(), row.trace.as_deref()),
            (Some("s"), Some("b1"), Some("t"))
        );
        assert_eq!(row.input.as_ref(), Some(&run.input));
    }
    assert!(db.store.intake(&[], DEDUPE_WINDOW).await.expect("nothing").is_empty());
    db.finish().await;
}

#[tokio::test]
async fn a_hundred_starts_of_one_key_make_one_run() {
    let db = Database::new("intake_one_key").await;
    let stores = [db.store.clone(), db.other_store().await];
    let starts = (0..100).map(|number: usize| {
        let store = stores[number % 2].clone();
        // Beside others in its batch, in whatever order the keys come.
        let mut runs = vec![keyed("order-7", 1), keyed(&format!("other-{}", number % 7), 1)];
        runs.sort_by_key(|run| run.key.clone());
        async move {
            let accepted = store.intake(&runs, DEDUPE_WINDOW).await.expect("it is answered");
            accepted.into_iter().map(|one| one.run).collect::<Vec<_>>()
        }
    });
    let made: HashSet<RunId> = futures::future::join_all(starts).await.into_iter().flatten().collect();
    assert_eq!(made.len(), 8);
    let count: i64 =
        sqlx::query_scalar(include_str!("../sql/count_runs.sql")).fetch_one(&db.pool).await.expect("a count");
    assert_eq!(count, 8);
    let key = ("default".to_owned(), "order-7".to_owned());
    let holder = db.store.start_keys_look(&[key]).await.expect("a look");
    assert_eq!(holder.len(), 1);
    assert!(made.contains(&holder[0].run));
    assert_eq!((holder[0].fingerprint.as_slice(), holder[0].state), (&[1][..], RunState::Queued));
    db.finish().await;
}

#[tokio::test]
async fn of_one_key_twice_in_a_batch_the_first_is_accepted() {
    let db = Database::new("intake_twice").await;
    let runs = [keyed("k", 1), keyed("k", 2)];
    let accepted = db.store.intake(&runs, DEDUPE_WINDOW).await.expect("taken");
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].run, runs[0].id);
    db.finish().await;
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_window_is_over() {
    let db = Database::new("intake_window").await;
    let start = async || {
        let run = keyed("k", 1);
        let window = Duration::from_mins(1);
        let accepted = db.store.intake(&[run], window).await.expect("answered");
        accepted.first().map(|one| one.run)
    };
    let age = async || {
        sqlx::query(include_str!("../sql/age_key.sql")).bind("k").execute(&db.pool).await.expect("it is older")
    };
    let first = start().await.expect("it is new");
    assert_eq!(start().await, None);
    age().await;
    let second = start().await.expect("the window is over");
    assert_ne!(first, second);
    assert_eq!(start().await, None);
    assert_eq!(db.store.forget_start_keys(10).await.expect("swept"), 0);
    age().await;
    assert_eq!(db.store.forget_start_keys(10).await.expect("swept"), 1);
    assert!(start().await.is_some());
    db.finish().await;
}

#[tokio::test]
async fn an_unknown_org_has_no_runs() {
    let db = Database::new("intake_org").await;
    let run = NewRun { org: Org::new("nobody").expect("a name"), ..new_run(Placement::Queued) };
    let accepted = db.store.intake(&[run], DEDUPE_WINDOW).await.expect("answered");
    assert!(accepted.is_empty());
    db.finish().await;
}
