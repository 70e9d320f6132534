//! Each event once, by whatever it is known.

use futures::future::join_all;
use piton_scheduler::{engine::Novelty, event::PublishError, store::EventFilter};
use piton_shared::name::Org;
use serde_json::json;

use super::{event, runs};
use crate::{cluster::Cluster, making::until};

#[tokio::test(flavor = "multi_thread")]
async fn one_id_is_one_event_however_many_publish_it_wherever() {
    let cluster = Cluster::new("event_once").await;
    for workflow in ["audit", "mail", "order"] {
        cluster.db.trigger(workflow, "order.*").await;
    }
    cluster.db.trigger("other", "user.*").await;
    let publish = |number: i64| {
        let engine = cluster.engine();
        let id = format!("o{}", number % 4);
        async move {
            let mut new = event("order.paid", &json!({ "number": number % 4 }));
            new.id = Some(id);
            engine.publish(vec![new]).await.expect("accepted").pop().expect("one")
        }
    };
    let published = join_all((0..200).map(publish)).await;
    assert_eq!(published.iter().filter(|one| one.novelty == Novelty::New).count(), 4);
    for one in &published {
        let same = published.iter().filter(|other| other.event == one.event);
        assert_eq!(same.clone().count(), 50, "the number says which it is");
        assert!(same.clone().all(|other| other.accepted_at == one.accepted_at));
        assert_eq!(cluster.db.came_of(one.event).await, ["audit", "mail", "order"]);
    }
    let counted = cluster.db.runs_by_workflow().await;
    assert_eq!(counted, [("audit", 4), ("mail", 4), ("order", 4)].map(|(name, runs)| (name.to_owned(), runs)).into());
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_known_by_any_of_its_keys_and_keys_go_on() {
    let cluster = Cluster::new("event_keys").await;
    let engine = cluster.engine();
    let keyed = |keys: &[&str]| {
        let mut new = event("order.paid", &json!(1));
        new.keys = keys.iter().map(|key| (*key).to_owned()).collect();
        new
    };
    let publish = async |new| engine.publish(vec![new]).await.expect("accepted").pop().expect("one");
    let first = publish(keyed(&["delivery 1", "signature 1"])).await;
    assert_eq!(first.novelty, Novelty::New);
    // A retry is signed anew; and whoever repeats that under another id is known by the signature.
    for keys in [["delivery 1", "signature 2"], ["delivery 2", "signature 2"], ["delivery 2", "signature 3"]] {
        let again = publish(keyed(&keys)).await;
        assert_eq!((again.novelty, again.event), (Novelty::Repeated, first.event), "{keys:?}");
    }
    let other = publish(keyed(&["delivery 4", "signature 4"])).await;
    assert_eq!(other.novelty, Novelty::New);
    // What stands in one group is known by what stands before it there, over however many links.
    let chain = [["a", "b"], ["b", "c"], ["c", "d"], ["x", "y"], ["d", "delivery 1"]];
    let published = engine.publish(chain.iter().map(|keys| keyed(keys)).collect()).await.expect("accepted");
    let news: Vec<_> = published.iter().map(|one| one.novelty == Novelty::New).collect();
    assert_eq!(news, [true, false, false, true, false]);
    assert!([1, 2].iter().all(|place| published[*place].event == published[0].event));
    // An id and a key of the same text are two things.
    let mut named = event("order.paid", &json!(1));
    named.id = Some("delivery 1".into());
    assert_eq!(publish(named).await.novelty, Novelty::New);
    drop(engine);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_with_its_window() {
    let cluster = Cluster::new("event_window").await;
    let engine = cluster.engine();
    let publish = async || {
        let mut new = event("order.paid", &json!(1));
        new.id = Some("o1".into());
        engine.publish(vec![new]).await.expect("accepted").pop().expect("one")
    };
    let first = publish().await;
    assert_eq!(publish().await.event, first.event);
    cluster.db.tamper(include_str!("../sql/age_event_keys.sql"), first.event).await;
    let second = publish().await;
    assert_eq!(second.novelty, Novelty::New);
    assert_eq!(publish().await.event, second.event);
    drop(engine);
    cluster.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_keep_their_order_and_are_accepted_together() {
    // No sweep takes a part of them.
    let cluster = Cluster::with("event_order", |options| options.sweep = crate::making::LONG).await;
    cluster.db.trigger("order", "order.*").await;
    let events: Vec<_> = (0..500).map(|number| event("order.paid", &json!(number))).collect();
    let published = cluster.engine().publish(events).await.expect("accepted");
    assert!(published.iter().map(|one| one.event).is_sorted());
    let started: Vec<_> = published
        .iter()
        .map(|one| {
            assert_eq!(runs(one), 1);
            let piton_scheduler::event::Matching::Done(runs) = &one.matching else { unreachable!("it is done") };
            runs[0].run
        })
        .collect();
    // Each chunk of them is looked at on its own; within one they stand as they were published.
    assert!(started.chunks(64).all(<[_]>::is_sorted));
    let last = cluster.db.row(started[499]).await;
    assert_eq!(piton_shared::codec::to_json(&last.input.expect("it has one")).expect("it reads"), json!(499));
    assert_eq!(last.tags, ["event:order.paid"]);

    let mut stranger = event("order.paid", &json!(1));
    stranger.org = Org::new("nobody").expect("a name");
    let before =
        cluster.db.store.event_list(&crate::making::ORG, &EventFilter::default(), 1000).await.expect("read").len();
    let refused = cluster.engine().publish(vec![stranger]).await;
    assert!(matches!(refused, Err(PublishError::UnknownOrg(_))), "{refused:?}");
    let after =
        cluster.db.store.event_list(&crate::making::ORG, &EventFilter::default(), 1000).await.expect("read").len();
    assert_eq!((before, after), (500, 500));
    until(async || cluster.db.owed().await == 0).await;
    cluster.finish().await;
}
