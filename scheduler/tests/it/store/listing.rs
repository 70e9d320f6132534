//! Every filter finds what it is to find, by whichever index.

use piton_scheduler::store::{NewRun, Placement, RunFilter};
use piton_shared::{failure::Failure, ids::RunId, limits, message::append::Next, parked::Parked, state::RunState};

use crate::{
    database::Database,
    making::{Hold, ORG, With, fresh, new_run},
};

async fn listed(db: &Database, filter: &RunFilter) -> Vec<RunId> {
    db.store.runs(&ORG, filter, 100).await.expect("listed").into_iter().map(|row| row.run).collect()
}

async fn made(db: &Database, change: impl Fn(&mut NewRun)) -> RunId {
    let mut run = new_run(Placement::Backlog);
    change(&mut run);
    let accepted = db.store.intake(std::slice::from_ref(&run), limits::DEDUPE_WINDOW).await;
    assert_eq!(accepted.expect("accepted").len(), 1);
    run.id
}

#[tokio::test]
async fn runs_are_found_in_every_state() {
    let db = Database::new("list_states").await;
    let worker = db.worker().await;
    let ended = async |next: Next| {
        let hold: Hold = db.held(worker).await;
        db.append(hold.append(1, next)).await;
        hold.run
    };
    let suspended = db.held(worker).await;
    // Several timers and a step: it is found once.
    let append = suspended.append(1, Next::Suspend { seen_outside: 0 }).with_step("f#1");
    let long = crate::making::LONG;
    db.append(append.with_sleep("s#1", long).with_sleep("s#2", long)).await;
    let killed = db.held(worker).await.run;
    db.store.kill(killed, &ORG).await.expect("killed");
    let parked = ended(Next::Park(Parked::Panic { message: "p".into() })).await;
    let resumed = ended(Next::Park(Parked::Panic { message: "p".into() })).await;
    db.store.resume(resumed, &ORG).await.expect("resumed");
    let wanted = [
        (RunState::Backlog, made(&db, |_| {}).await),
        (RunState::Queued, resumed),
        (RunState::Running, db.held(worker).await.run),
        (RunState::Suspended, suspended.run),
        (RunState::Parked, parked),
        (RunState::Completed, ended(Next::Complete(crate::making::payload("r"))).await),
        (RunState::Failed, ended(Next::Fail(Failure::new("f"))).await),
        (RunState::Cancelled, ended(Next::Cancel(Failure::cancelled())).await),
        (RunState::Killed, killed),
    ];
    for (state, run) in wanted {
        let filter = RunFilter { state: Some(state), ..RunFilter::default() };
        let found = listed(&db, &filter).await;
        assert_eq!(found, [run], "{state:?}");
        let before = RunFilter { before: Some(run), ..filter };
        assert!(listed(&db, &before).await.is_empty(), "{state:?}");
    }
    assert_eq!(listed(&db, &RunFilter::default()).await.len(), wanted.len());
    db.finish().await;
}

#[tokio::test]
async fn runs_are_found_by_tag_session_and_workflow() {
    let db = Database::new("list_filters").await;
    let tagged = made(&db, |run| run.tags = vec!["a".into(), "b".into(), "a".into()]).await;
    let both = made(&db, |run| {
        run.tags = vec!["b".into()];
        run.session = Some("s".into());
    })
    .await;
    let other = made(&db, |run| run.workflow = "other".into()).await;
    let by = |change: fn(&mut RunFilter)| {
        let mut filter = RunFilter::default();
        change(&mut filter);
        filter
    };
    let tag = |filter: &mut RunFilter| filter.tag = Some("b".into());
    assert_eq!(listed(&db, &by(tag)).await, [both, tagged]);
    assert_eq!(listed(&db, &by(|filter| filter.tag = Some("a".into()))).await, [tagged]);
    assert_eq!(listed(&db, &by(|filter| filter.session = Some("s".into()))).await, [both]);
    assert_eq!(listed(&db, &by(|filter| filter.workflow = Some("other".into()))).await, [other]);
    let narrow = by(|filter| {
        filter.tag = Some("b".into());
        filter.session = Some("s".into());
        filter.state = Some(RunState::Backlog);
        filter.workflow = Some("order".into());
    });
    assert_eq!(listed(&db, &narrow).await, [both]);
    let foreign = piton_shared::name::Org::new("other").expect("a name");
    assert!(db.store.runs(&foreign, &by(tag), 10).await.expect("listed").is_empty());
    assert!(listed(&db, &RunFilter { before: Some(RunId::new(fresh())), ..by(tag) }).await.len() == 2);
    db.finish().await;
}
