//! A scheduler is gone after it accepted events, or in the middle of the look at them.

use fail::FailScenario;
use piton_scheduler::{
    event::Matching,
    store::{Accepting, Matched},
};
use piton_shared::limits;
use serde_json::json;

use super::event;
use crate::{
    cluster::Cluster,
    database::Database,
    making::{fresh, until},
};

fn any(event: uuid::Uuid) -> Matched {
    Matched { event, version: None }
}

fn lose(what: &str, actions: &str) {
    fail::cfg(format!("scheduler::{what}"), actions).expect("the actions read");
}

async fn three_workflows_each_once(label: &str, point: &str) {
    let _points = FailScenario::setup();
    let cluster = Cluster::new(label).await;
    for workflow in ["audit", "mail", "order"] {
        cluster.db.trigger(workflow, "order.*").await;
    }
    lose(point, "1*return->off");
    let mut owed = Vec::new();
    for number in 0..4 {
        let mut new = event("order.paid", &json!(number));
        new.id = Some(format!("o{number}"));
        let published = cluster.engine().publish(vec![new]).await.expect("accepted");
        owed.push(published.into_iter().next().expect("one"));
    }
    assert!(matches!(owed[0].matching, Matching::Owed), "{:?}", owed[0]);
    assert!(matches!(owed[1].matching, Matching::Done(_)), "{:?}", owed[1]);
    for one in &owed {
        assert_eq!(cluster.db.came_of(one.event).await, ["audit", "mail", "order"]);
    }
    // Whoever publishes again hears what came of it.
    let mut again = event("order.paid", &json!(0));
    again.id = Some("o0".into());
    let published = cluster.engine().publish(vec![again]).await.expect("accepted");
    assert_eq!(super::runs(&published[0]), 3);
    assert_eq!(cluster.db.owed().await, 0);
    assert!(cluster.db.runs_by_workflow().await.values().all(|runs| *runs == 4));
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_look_never_began_is_matched_by_whoever_comes_to_it() {
    three_workflows_each_once("event_unlooked", "events-accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_look_broke_before_its_commit_is_matched_once() {
    three_workflows_each_once("event_half_looked", "events-looked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_whose_grants_were_lost_after_the_look_are_found() {
    let _points = FailScenario::setup();
    let cluster = Cluster::new("event_unhanded").await;
    cluster.db.trigger("order", "order.*").await;
    lose("intake-committed", "1*return->off");
    let published = cluster.engine().publish(vec![event("order.paid", &json!(1))]).await.expect("accepted");
    assert_eq!(super::runs(&published[0]), 1);
    let _crew = crate::cluster::Crew::join(&cluster).await;
    until(async || cluster.db.everything_ended().await).await;
    cluster.finish().await;
}

#[tokio::test]
async fn what_somebody_is_at_is_left_to_them() {
    let db = Database::new("event_skipped").await;
    let accepting = Accepting { id: fresh(), event: event("order.paid", &json!(1)) };
    let id = accepting.id;
    db.store.event_accept(&[accepting], limits::DEDUPE_WINDOW).await.expect("accepted");
    let other = db.other_store().await;
    // One has taken the debt and does not come on: nobody waits for it, and nobody looks a second time.
    let (mine, taken) = db.store.look_at_events(&[any(id)]).await.expect("taken");
    let (theirs, left) = other.look_at_events(&[any(id)]).await.expect("nothing is waited for");
    assert_eq!((taken.len(), left.len()), (1, 0));
    drop((mine, theirs));
    // It is gone, and the debt is back. Paid, it is paid for everybody.
    let (theirs, taken) = other.look_at_events(&[any(id)]).await.expect("taken");
    assert_eq!(taken.len(), 1);
    theirs.commit().await.expect("committed");
    let (looking, left) = db.store.look_at_events(&[any(id)]).await.expect("asked");
    assert!(left.is_empty(), "{left:?}");
    drop(looking);
    other.close().await;
    db.finish().await;
}
