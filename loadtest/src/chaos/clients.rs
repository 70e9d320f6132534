//! The callers: each starts one run after the other, sometimes kills, pauses or cancels it, and asks until it has ended.

use std::{ops::Range, sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    moment::Moment,
    story::{Ended, Kind, Order, Started},
};
use crate::api::{Answer, Api};

/// How long an answer may take: a scheduler that is frozen gives none.
const ANSWER: Duration = Duration::from_secs(8);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a run is parked whose workers died under it too often.
const POISON: &str = "poison";
/// Milliseconds of a slow step. Two executions of it that overlap, or one more of them than may be under way, do so for longer
/// than the rules tolerate; those of a quick step could not.
pub(super) const SLOW: Range<u64> = 600..1200;

/// One caller.
pub(super) struct Caller {
    seed: u64,
    number: u64,
    apis: Vec<Arc<Api>>,
    random: StdRng,
    /// Until when it asks.
    deadline: Instant,
}

/// What is wished of a run while it goes on.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Nothing,
    Kill,
    Cancel,
    Pause,
}

impl Caller {
    pub(super) fn new(seed: u64, number: u64, apis: Vec<Arc<Api>>, deadline: Instant) -> Self {
        let random = StdRng::seed_from_u64(seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self { seed, number, apis, random, deadline }
    }

    /// Starts runs until then, and asks for their ends until its deadline.
    pub(super) async fn work(mut self, until: Instant) -> Vec<Started> {
        let mut started = Vec::new();
        while Instant::now() < until {
            let key = format!("{}-{}-{}", self.seed, self.number, started.len());
            match self.one(&key).await {
                Some(one) => started.push(one),
                None => break,
            }
        }
        started
    }

    /// One run from its start to its end; none if its start was never acknowledged.
    async fn one(&mut self, key: &str) -> Option<Started> {
        let (kind, body) = self.choose();
        let wish = self.wish(&kind);
        let runs = self.begin(&body, key).await?;
        let run = runs.first()?.clone();
        let mut orders = Vec::new();
        let wait = self.random.random_range(0..600);
        match wish {
            Wish::Nothing => {}
            Wish::Kill => {
                sleep(Duration::from_millis(wait)).await;
                let confirmed = self.order(&run, "kill?wait=3s").await == Some((200, "confirmed".to_owned()));
                orders.extend(confirmed.then(|| Order::Killed(Moment::now())));
            }
            Wish::Cancel => {
                sleep(Duration::from_millis(wait)).await;
                self.order(&run, "cancel").await;
            }
            Wish::Pause => {
                sleep(Duration::from_millis(wait)).await;
                let confirmed = self.order(&run, "pause?wait=3s").await == Some((200, "paused".to_owned()));
                let from = Moment::now();
                sleep(Duration::from_millis(wait + 100)).await;
                orders.extend(confirmed.then(|| Order::Paused { from, until: Moment::now() }));
                self.order(&run, "resume").await;
            }
        }
        let allowed: &[&str] = match wish {
            Wish::Nothing | Wish::Pause => &["completed"],
            Wish::Kill => &["completed", "killed"],
            Wish::Cancel => &["completed", "cancelled"],
        };
        let allowed = allowed.iter().map(|state| (*state).to_owned()).collect();
        let ended = self.end(&run).await;
        Some(Started { runs, kind, allowed, ended, orders })
    }

    fn choose(&mut self) -> (Kind, Value) {
        let random = &mut self.random;
        let millis =
            if random.random_range(0..3) == 0 { random.random_range(SLOW) } else { random.random_range(5..120) };
        let start = |workflow: &str, input: Value| json!({ "workflow": workflow, "input": input });
        match random.random_range(0..100) {
            0..40 => {
                let stages = random.random_range(2..9);
                (Kind::Line, start("chaos_line", json!({ "stages": stages, "millis": millis })))
            }
            40..60 => {
                let branches = random.random_range(2..10);
                (Kind::Fan, start("chaos_fan", json!({ "branches": branches, "millis": millis })))
            }
            60..75 => {
                let (items, bound, millis) =
                    (random.random_range(5..16), random.random_range(1..6), random.random_range(SLOW));
                let input = json!({ "items": items, "bound": bound, "millis": millis });
                (Kind::Bulk { stage: 2, bound }, start("chaos_bulk", input))
            }
            75..88 => {
                let millis = random.random_range(50..3_000_u64);
                (Kind::Doze { micros: millis * 1000 }, start("chaos_doze", json!(millis)))
            }
            _ => {
                let session = format!("session-{}", random.random_range(0..4));
                let mut body = start("chaos_count", Value::Null);
                body["session_id"] = json!(session);
                (Kind::Count { session }, body)
            }
        }
    }

    fn wish(&mut self, kind: &Kind) -> Wish {
        match kind {
            // A counter counts every run of its session.
            Kind::Count { .. } => Wish::Nothing,
            Kind::Line | Kind::Fan | Kind::Bulk { .. } | Kind::Doze { .. } => match self.random.random_range(0..100) {
                0..10 => Wish::Kill,
                10..18 => Wish::Cancel,
                18..30 => Wish::Pause,
                _ => Wish::Nothing,
            },
        }
    }

    fn api(&mut self) -> Arc<Api> {
        let at = self.random.random_range(0..self.apis.len());
        Arc::clone(&self.apis[at])
    }

    /// Asks one scheduler or the other until one answers well or refuses.
    async fn post(&mut self, path: &str, body: &str, key: Option<&str>) -> Option<Answer> {
        while Instant::now() < self.deadline {
            let api = self.api();
            let asked = async {
                match key {
                    Some(_) => api.start("", body.to_owned(), key).await,
                    None => api.post(path, body.to_owned()).await,
                }
            };
            if let Ok(Ok(answer)) = timeout(ANSWER, asked).await
                && answer.status < 500
            {
                return Some(answer);
            }
            sleep(PAUSE).await;
        }
        None
    }

    /// Starts a run; every third is asked for twice with the same key. The runs that the answers name.
    async fn begin(&mut self, body: &Value, key: &str) -> Option<Vec<String>> {
        let body = body.to_string();
        let mut runs = Vec::new();
        for _ in 0..if self.random.random_range(0..3) == 0 { 2 } else { 1 } {
            let answer = self.post("", &body, Some(key)).await?;
            let run = answer.text("id");
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        Some(runs)
    }

    /// The status and the outcome of an order.
    async fn order(&mut self, run: &str, order: &str) -> Option<(u16, String)> {
        let answer = self.post(&format!("/v1/runs/{run}/{order}"), "", None).await?;
        Some((answer.status, answer.text("outcome")))
    }

    /// Asks until a run has ended. A run that is parked as poison is resumed, as a person would; and one whose pause was carried
    /// out late. Nothing that the fuzz does parks a run for another reason: that is its end, and not one that it may have.
    async fn end(&mut self, run: &str) -> Option<Ended> {
        while Instant::now() < self.deadline {
            let api = self.api();
            let asked = timeout(ANSWER, async { api.get(&format!("/v1/runs/{run}?wait=3s")).await });
            if let Ok(Ok(answer)) = asked.await
                && matches!(answer.status, 200 | 202)
            {
                let state = answer.text("state");
                match state.as_str() {
                    "completed" | "failed" | "cancelled" | "killed" => return Some(Ended { state, at: Moment::now() }),
                    "parked" => match parked_code(&answer) {
                        code if code == POISON => drop(self.order(run, "resume").await),
                        code => return Some(Ended { state: format!("parked: {code}"), at: Moment::now() }),
                    },
                    _ if !answer.text("paused_at").is_empty() => drop(self.order(run, "resume").await),
                    _ => {}
                }
            }
            sleep(PAUSE).await;
        }
        None
    }
}

fn parked_code(answer: &Answer) -> String {
    answer.json()["parked"]["code"].as_str().unwrap_or_default().to_owned()
}
