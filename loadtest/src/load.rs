//! A closed loop: so many callers, each of which starts a run, waits for its end and starts the next.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::LocalSet;

use crate::api::Api;

/// The longest run that a histogram can hold, in microseconds; a longer one counts as this.
const LONGEST: u64 = 120_000_000;
/// A caller that got an error waits this long, so that a stack that is down is not also beaten.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// What a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Runs of five sequential steps that do nothing.
    #[value(name = "W1", alias = "w1")]
    W1,
    /// The same, meant for one caller.
    #[value(name = "W2", alias = "w2")]
    W2,
    /// Runs that fan out over many items that do nothing, a bounded number at once, and collect the results.
    #[value(name = "W3", alias = "w3")]
    W3,
    /// Runs of one step that does nothing.
    #[value(name = "W4", alias = "w4")]
    W4,
}

/// How wide a run of [`Workload::W3`] fans out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fan {
    /// Items of one run.
    pub items: u32,
    /// Items under way at once.
    pub at_once: u32,
}

impl Workload {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
        }
    }

    /// Steps of one of its runs.
    pub fn steps(self, fan: Fan) -> u64 {
        match self {
            Self::W1 | Self::W2 => 5,
            Self::W3 => fan.items.into(),
            Self::W4 => 1,
        }
    }

    /// Callers if none are asked for.
    pub fn in_flight(self) -> usize {
        match self {
            Self::W1 | Self::W4 => 200,
            Self::W2 | Self::W3 => 1,
        }
    }

    fn body(self, fan: Fan) -> Bytes {
        let body = match self {
            Self::W1 | Self::W2 => r#"{"workflow":"five_steps"}"#,
            Self::W3 => {
                let input = serde_json::json!({"items": fan.items, "at_once": fan.at_once});
                return serde_json::json!({"workflow": "fan_out", "input": input}).to_string().into();
            }
            Self::W4 => r#"{"workflow":"one_step"}"#,
        };
        Bytes::from_static(body.as_bytes())
    }
}

/// Where a load stands. Only what ends while it is measured is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// The hand on the loop.
#[derive(Debug, Clone)]
pub struct Dial(Arc<AtomicU8>);

impl Dial {
    /// From now on it counts.
    pub fn measure(&self) {
        self.0.store(Phase::Measured as u8, Ordering::Relaxed);
    }

    /// From now on nothing is started or recorded.
    pub fn stop(&self) {
        self.0.store(Phase::Over as u8, Ordering::Relaxed);
    }

    fn is(&self, phase: Phase) -> bool {
        self.0.load(Ordering::Relaxed) == phase as u8
    }
}

impl Default for Dial {
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(Phase::WarmUp as u8)))
    }
}

/// What was seen while it was measured.
#[derive(Debug)]
pub struct Seen {
    /// Of runs that completed: from the request to the answer, in microseconds.
    pub latencies: Histogram<u64>,
    /// Of the others: how many, by what came instead.
    pub errors: BTreeMap<String, u64>,
}

/// The members of the answer that matter here.
#[derive(Deserialize)]
struct Ended<'a> {
    #[serde(borrow)]
    id: &'a str,
    #[serde(borrow)]
    state: &'a str,
}

/// Runs `in_flight` callers, spread over the schedulers, until the dial says that it is over and their last runs have
/// ended. All of it on this thread.
pub async fn run(workload: Workload, fan: Fan, in_flight: usize, apis: &[Arc<Api>], dial: &Dial) -> Seen {
    let latencies = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order");
    let seen = Rc::new(parking_lot::Mutex::new(Seen { latencies, errors: BTreeMap::new() }));
    let callers = LocalSet::new();
    let body = workload.body(fan);
    for api in apis.iter().cycle().take(in_flight) {
        let (api, dial, seen, body) = (Arc::clone(api), dial.clone(), Rc::clone(&seen), body.clone());
        callers.spawn_local(async move {
            while !dial.is(Phase::Over) {
                let begun = Instant::now();
                let end = call(body.clone(), &api).await;
                let took = begun.elapsed();
                if dial.is(Phase::Measured) {
                    seen.lock().record(&end, took);
                }
                if end.is_err() {
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        });
    }
    callers.await;
    Rc::into_inner(seen).expect("every caller has ended").into_inner()
}

/// One run, from the request to its end: a wide one is asked for again as long as it goes on.
async fn call(body: Bytes, api: &Api) -> Result<(), String> {
    let mut answer = api.start("?wait=30s", body, None).await.map_err(|error| error.to_string())?;
    loop {
        let (id, state) = match serde_json::from_slice::<Ended<'_>>(&answer.body) {
            Ok(Ended { id, state }) => (id.to_owned(), state.to_owned()),
            Err(_) => return Err(format!("status {}, unreadable", answer.status)),
        };
        match (answer.status, state.as_str()) {
            (200 | 201, "completed") => return Ok(()),
            (202, _) => {
                let path = format!("/v1/runs/{id}?wait=30s");
                answer = api.get(&path).await.map_err(|error| error.to_string())?;
            }
            (status, state) => return Err(format!("status {status}, state {state}")),
        }
    }
}

impl Seen {
    fn record(&mut self, end: &Result<(), String>, took: Duration) {
        match end {
            Ok(()) => self.latencies.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST)),
            Err(error) => *self.errors.entry(error.clone()).or_default() += 1,
        }
    }
}
