//! A load, from what has to be there before to what was seen in the end.

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::Context as _;
use parking_lot::Mutex;

use super::{
    Dial, Seen, Terms, Workload, clock,
    pace::{self, Turn},
    seen::Counted,
    turn::Asked,
    webhook::Sender,
};
use crate::{api::Api, psql::Psql};

/// A caller that got an error waits this long, so that a stack that is down is not also beaten.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// A load that is ready to begin.
#[derive(Debug)]
pub struct Load {
    terms: Terms,
    apis: Vec<Arc<Api>>,
    /// `None`: what happens needs no caller.
    asked: Option<Asked>,
}

impl Load {
    /// Makes what has to be there before: an endpoint for webhooks, or schedules.
    pub async fn prepare(terms: Terms, apis: &[Arc<Api>]) -> anyhow::Result<Self> {
        let first = apis.first().context("there is no scheduler to ask")?;
        let sender = match terms.workload {
            Workload::W6 => Some(Sender::open(first).await.context("could not make a webhook")?),
            Workload::W7 => {
                clock::set(terms.schedules, first).await.context("could not make the schedules")?;
                None
            }
            Workload::W1 | Workload::W2 | Workload::W3 | Workload::W4 | Workload::W5 => None,
        };
        Ok(Self { terms, apis: apis.to_vec(), asked: Asked::by(&terms, sender) })
    }
}

/// Runs a load, spread over the schedulers, until the dial says that it is over and what was begun has ended. All of it
/// on this thread.
pub async fn run(load: Load, psql: Option<&Psql>, dial: &Dial) -> anyhow::Result<Seen> {
    let Load { terms, apis, asked } = load;
    let Some(asked) = asked else {
        let psql = psql.context("how late schedules fire is read with psql")?;
        return clock::watch(terms.schedules, &apis[0], psql, dial).await;
    };
    let counted = if terms.rate.is_some() { Counted::AtItsTurn } else { Counted::AtItsEnd };
    let seen = Rc::new(Mutex::new(Seen::default()));
    let asked = Rc::new(asked);
    let turn = {
        let (seen, dial) = (Rc::clone(&seen), dial.clone());
        move |turn| {
            let (seen, dial, asked) = (Rc::clone(&seen), dial.clone(), Rc::clone(&asked));
            let number = match turn {
                Turn::Send(number, _) => usize::try_from(number).unwrap_or(usize::MAX),
                Turn::GivenUp(_) => 0,
            };
            let api = Arc::clone(&apis[number % apis.len()]);
            async move {
                let due = match turn {
                    Turn::Send(_, due) => due,
                    Turn::GivenUp(due) => return seen.lock().give_up(due, &dial),
                };
                let came = asked.once(&api).await;
                let failed = !came.errors.is_empty();
                seen.lock().take(came, due, counted, &dial);
                if failed && counted == Counted::AtItsEnd {
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    };
    match terms.rate {
        Some(rate) => pace::open((rate, terms.in_flight), dial, turn).await,
        None => pace::closed(terms.in_flight, dial, turn).await,
    }
    Ok(Rc::into_inner(seen).context("a caller has not ended")?.into_inner())
}
