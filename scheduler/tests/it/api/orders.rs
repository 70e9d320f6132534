use piton_shared::{
    ids::RunId,
    message::append::{AppendAnswer, Next},
    parked::Parked,
};
use serde_json::{Value, json};

use super::{Answer, House, assert_shape};
use crate::making::With;

impl House {
    async fn order(&self, run: RunId, what: &str) -> Answer {
        self.door.post(&format!("/v1/runs/{run}/{what}"), &json!({})).await
    }

    async fn state(&self, run: RunId) -> Value {
        self.door.get(&format!("/v1/runs/{run}")).await.body["state"].clone()
    }

    async fn run(&self) -> RunId {
        self.door.start(&json!({ "workflow": "order" })).await.id()
    }
}

#[tokio::test]
async fn a_run_that_has_not_begun_is_cancelled_at_once_and_only_once() {
    let house = House::new("cancel").await;
    let run = house.run().await;
    let path = format!("/v1/runs/{run}/cancel");
    let cancelled = house.door.post(&path, &json!({ "reason": "out of stock" })).await;
    assert_eq!(cancelled.status, 200);
    assert_shape!(cancelled.body);
    assert_eq!(house.order(run, "cancel").await.text("outcome"), "cancelled");
    let shown = house.door.get(&format!("/v1/runs/{run}")).await.body;
    assert_eq!(shown["failure"]["message"], "out of stock");
    let refused = house.order(run, "kill").await;
    assert_eq!((refused.brief(), refused.text("state")), ("409 run_ended".into(), "cancelled"));
    house.finish().await;
}

#[tokio::test]
async fn a_cancel_of_a_run_that_goes_on_is_a_wish() {
    let house = House::new("cancel_wish").await;
    let worker = house.database.worker().await;
    let run = house.run().await;
    house.database.take(worker, run).await;
    let asked = house.order(run, "cancel").await;
    assert_eq!((asked.status, asked.text("outcome")), (202, "requested"));
    assert_eq!(house.state(run).await, "running");
    house.finish().await;
}

#[tokio::test]
async fn a_kill_says_whether_the_worker_has_confirmed() {
    let house = House::new("kill").await;
    let worker = house.database.worker().await;
    let unheld = house.run().await;
    let killed = house.order(unheld, "kill").await;
    assert_eq!((killed.status, killed.text("outcome")), (200, "confirmed"));
    assert_shape!(killed.body);

    let held = house.run().await;
    let hold = house.database.take(worker, held).await;
    let killed = house.door.post(&format!("/v1/runs/{held}/kill?wait=20ms"), &json!({})).await;
    assert_eq!((killed.status, killed.text("outcome")), (202, "committed"));
    assert_eq!(house.state(held).await, "killed");
    let late = house.database.append(hold.rows(1, &["a#1"])).await;
    assert_ne!(late, AppendAnswer::Accepted);
    assert_eq!(house.order(held, "kill").await.text("outcome"), "killed_before");
    house.finish().await;
}

#[tokio::test]
async fn only_a_parked_run_is_resumed() {
    let house = House::new("resume").await;
    let worker = house.database.worker().await;
    let run = house.run().await;
    let refused = house.order(run, "resume").await;
    assert_eq!((refused.brief(), refused.text("state")), ("409 run_not_parked".into(), "queued"));
    let hold = house.database.take(worker, run).await;
    let parked = Parked::Panic { message: "index out of bounds".into() };
    assert_eq!(house.database.append(hold.append(1, Next::Park(parked))).await, AppendAnswer::Accepted);
    let shown = house.door.get(&format!("/v1/runs/{run}")).await;
    assert_shape!(shown.body["parked"]);
    let resumed = house.order(run, "resume").await;
    assert_eq!((resumed.status, resumed.text("outcome")), (200, "queued"));
    assert_eq!(house.state(run).await, "queued");
    house.finish().await;
}

#[tokio::test]
async fn orders_to_runs_that_are_not_there() {
    let house = House::new("orders_none").await;
    let nobody = RunId::new(uuid::Uuid::from_u128(1));
    for what in ["cancel", "kill", "resume"] {
        assert_eq!(house.order(nobody, what).await.brief(), "404 unknown_run", "{what}");
    }
    house.finish().await;
}

#[tokio::test]
async fn a_paused_run_is_shown_and_goes_on_when_it_is_resumed() {
    let house = House::new("pause").await;
    let worker = house.database.worker().await;
    let run = house.run().await;
    let paused = house.order(run, "pause").await;
    assert_eq!((paused.status, paused.text("outcome")), (200, "paused"));
    assert_shape!(paused.body);
    assert_eq!(house.order(run, "pause").await.text("outcome"), "paused_before");
    let shown = house.door.get(&format!("/v1/runs/{run}")).await.body;
    assert_eq!(shown["state"], "backlog");
    assert!(shown["paused_at"].is_string(), "{shown}");
    assert_eq!(house.order(run, "resume").await.text("outcome"), "resumed");
    let refused = house.order(run, "resume").await;
    assert_eq!(refused.brief(), "409 run_not_parked");
    assert!(house.door.get(&format!("/v1/runs/{run}")).await.body["paused_at"].is_null());

    let other = house.run().await;
    let hold = house.database.take(worker, other).await;
    let waiting = house.door.post(&format!("/v1/runs/{other}/pause?wait=0.01"), &json!({})).await;
    assert_eq!((waiting.status, waiting.text("outcome")), (202, "committed"));
    let append = hold.append(1, Next::GoOn).with_step("a#1");
    assert_eq!(house.database.append(append).await, AppendAnswer::Accepted);
    let step = &house.door.get(&format!("/v1/runs/{other}")).await.body["dispatched"]["steps"][0];
    assert_eq!((&step["key"], &step["status"]), (&json!("a#1"), &json!("paused")));
    assert_eq!(house.order(other, "kill").await.status, 202);
    assert_eq!(house.order(other, "pause").await.brief(), "409 run_ended");
    house.finish().await;
}
