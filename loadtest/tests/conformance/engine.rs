//! The test engine as a stack.

use std::sync::Arc;

use piton::{
    BoxFuture,
    testing::{self, Novelty, RunError, TestEngine, TestRun, When},
};
use serde_json::Value;

use crate::{
    flows,
    stack::{Event, Fault, Heard, Stack, Start, Told},
    tally::Tally,
};

pub(crate) struct Engine {
    engine: TestEngine,
    tally: Arc<Tally>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let tally = Arc::new(Tally::default());
        Self { engine: TestEngine::of(flows::worker(Arc::clone(&tally))), tally }
    }
}

impl Stack for Engine {
    fn run(&self, start: Start) -> BoxFuture<'_, Told> {
        Box::pin(async move {
            let mut run = self.engine.run_named::<Value>(start.workflow, &start.input);
            if let Some(key) = start.key {
                run = run.key(key);
            }
            if let Some(session) = start.session {
                run = run.session(session);
            }
            run = match start.fault {
                None => run,
                Some((step, Fault::Cancel)) => run.cancel(When::executes(step)),
                Some((step, Fault::Kill)) => run.kill(When::executes(step)),
                Some((step, Fault::Crash)) => run.crash(When::executes(step)),
            };
            told(run.await)
        })
    }

    fn publish(&self, event: Event) -> BoxFuture<'_, Heard> {
        Box::pin(async move {
            let mut new = testing::Event::new(event.name, event.data);
            if let Some(id) = event.id {
                new = new.id(id);
            }
            let published = self.engine.publish(new).await.expect("it is a good event");
            let run = |workflow: &&str| ((*workflow).to_owned(), told(published.run_named(workflow)));
            let refused = published.refused().iter().map(|it| (it.workflow.clone(), it.reason.clone()));
            Heard {
                is_new: published.novelty() == Novelty::New,
                runs: published.started().iter().map(run).collect(),
                refused: refused.collect(),
            }
        })
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

fn told(run: TestRun<Value>) -> Told {
    let TestRun { result, story, .. } = run;
    let failure = result.as_ref().err().and_then(RunError::failure).cloned();
    let parked = match &result {
        Err(RunError::Unregistered { function }) => {
            Some(piton::testing::Parked::Unregistered { name: function.clone() })
        }
        Err(error) => error.parked().cloned(),
        Ok(_) => None,
    };
    if let Err(RunError::WaitsForEver { .. } | RunError::NotDeterministic { .. } | RunError::Result(_)) = &result {
        panic!("{result:?}\n{story}");
    }
    Told {
        run: story.run_id().to_string(),
        state: story.state(),
        result: result.ok(),
        failure,
        parked,
        keys: story.keys().into_iter().map(str::to_owned).collect(),
    }
}
