//! Postgres, NATS, a scheduler and a worker as a stack.

use std::sync::Arc;

use piton::BoxFuture;
use piton_scheduler::{
    engine::{self, Novelty},
    event::{NewEvent, Origin},
    store::{EventOutcome, EventResult},
};
use piton_shared::{codec, ids::RunId, journal::in_order, message::read::More, name::Queue, state::RunState};
use tokio::sync::Mutex;

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../worker/stack.rs"]
pub(crate) mod live;

use live::{ORG, PATIENCE, Running, eventually};

use crate::{
    flows,
    stack::{Event, Fault, Heard, Stack, Start, Told},
    tally::Tally,
};

pub(crate) struct Real {
    stack: live::Stack,
    tally: Arc<Tally>,
    worker: Mutex<Option<Running>>,
}

impl Real {
    pub(crate) async fn start() -> Self {
        let (stack, tally) = (live::Stack::start().await, Arc::new(Tally::default()));
        let worker = stack.work(flows::worker(Arc::clone(&tally))).await;
        Self { stack, tally, worker: Mutex::new(Some(worker)) }
    }

    pub(crate) async fn stop(self) {
        if let Some(worker) = self.worker.into_inner() {
            worker.stop().await;
        }
    }

    async fn begin(&self, start: &Start) -> RunId {
        let asked = engine::Start {
            org: ORG,
            workflow: start.workflow.to_owned(),
            input: codec::from_json(&start.input).expect("it encodes"),
            queue: Queue::DEFAULT,
            build: None,
            session: start.session.map(str::to_owned),
            tags: Vec::new(),
            delay: None,
            key: start.key.map(str::to_owned),
            trace: None,
        };
        match self.stack.engine.start(asked).await {
            Ok(started) => started.run,
            Err(error) => panic!("{error}"),
        }
    }

    async fn befall(&self, run: RunId, step: &str, fault: Fault) {
        self.tally.called(step).await;
        match fault {
            Fault::Cancel => {
                self.stack.engine.cancel(run, &ORG, "no longer wanted").await.expect("the database answers");
            }
            Fault::Kill => {
                self.stack.engine.kill(run, &ORG, PATIENCE).await.expect("the database answers");
            }
            Fault::Crash => {
                let mut worker = self.worker.lock().await;
                if let Some(doomed) = worker.take() {
                    doomed.crash().await;
                }
                *worker = Some(self.stack.work(flows::worker(Arc::clone(&self.tally))).await);
            }
        }
    }

    /// What became of a run, once it has ended or parked.
    async fn told(&self, run: RunId) -> Told {
        let still = async || {
            let row = self.stack.engine.run(run, &ORG).await.ok().flatten()?;
            (row.state.is_terminal() || row.state == RunState::Parked).then_some(row)
        };
        let row = eventually(&format!("run {run} to end or park"), still).await;
        Told {
            run: run.to_string(),
            state: row.state,
            result: row.result.map(|result| codec::to_json(&result).expect("it was encoded")),
            failure: row.failure,
            parked: row.parked,
            keys: self.keys(run).await,
        }
    }

    async fn keys(&self, run: RunId) -> Vec<String> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = self.stack.engine.store().journal_page(run, after.as_ref(), 100).await;
            let (rows, more) = page.expect("the database answers");
            after = rows.last().map(|row| row.key.clone());
            entries.extend(rows);
            match more {
                More::Follows => {}
                More::End => return in_order(entries).into_iter().map(|entry| entry.key.to_string()).collect(),
            }
        }
    }
}

impl Stack for Real {
    fn run(&self, start: Start) -> BoxFuture<'_, Told> {
        Box::pin(async move {
            let run = self.begin(&start).await;
            if let Some((step, fault)) = start.fault {
                Box::pin(self.befall(run, step, fault)).await;
            }
            self.told(run).await
        })
    }

    fn publish(&self, event: Event) -> BoxFuture<'_, Heard> {
        Box::pin(async move {
            // A worker that has executed something has said before what starts its workflows.
            self.told(self.begin(&Start::of("side_by_side", 0)).await).await;
            let new = NewEvent {
                org: ORG,
                name: event.name.to_owned(),
                id: event.id.map(str::to_owned),
                keys: Vec::new(),
                data: codec::from_json(&event.data).expect("it encodes"),
                origin: Origin::Published,
                occurred_at: None,
                envelope: None,
                trace: None,
            };
            let published = self.stack.engine.publish(vec![new]).await.expect("the database answers");
            let [published] = published.as_slice() else { panic!("{published:?}") };
            let matched = async || {
                let came = self.stack.engine.store().event_came_to(&[published.event]).await.ok()?;
                match came.into_values().next()? {
                    EventOutcome::Matched(came) => Some(came),
                    EventOutcome::Owed => None,
                }
            };
            let mut heard = Heard { is_new: published.novelty == Novelty::New, runs: Vec::new(), refused: Vec::new() };
            for came in eventually("the event to be matched", matched).await {
                match came {
                    EventResult::Started { workflow, run, .. } => heard.runs.push((workflow, self.told(run).await)),
                    EventResult::Refused { workflow, detail, .. } => {
                        heard.refused.push((workflow.expect("a trigger refused it"), detail));
                    }
                }
            }
            heard
        })
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
