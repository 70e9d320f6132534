//! Making what tests need: workers, runs, holds, appends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use piton_scheduler::{
    batch::Releases,
    dispatch::Giver,
    journal::{Committer, Outcome},
    lease::{Roster, SilentSweeps},
    server::DirectGrants,
    store::{Appending, Depth, Granted, NewRun, Placement, Published, RunRow, Store},
    wake::{Timers, Waiters},
};
use piton_shared::{
    codec,
    failure::Failure,
    ids::{AttemptId, Epoch, RunId, WorkerId, uuid_v7},
    journal::{Entry, Kind, Payload, Place, StepKey},
    limits,
    message::{
        append::{Append, AppendAnswer, FailedTry, NewWait, Next},
        claim::ClaimAsk,
        dispatch::NewDispatch,
        state::{StateScope, StateWrite},
        worker::Register,
    },
    name::{Org, Queue},
    replay::StepOptions,
    time::Timestamp,
};
use uuid::Uuid;

use crate::database::Database;

pub(crate) const ORG: Org = Org::DEFAULT;
pub(crate) const LONG: Duration = Duration::from_hours(1);

pub(crate) fn fresh() -> Uuid {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.expect("it is later than 1970").as_millis();
    uuid_v7(u64::try_from(millis).expect("it fits"), rand::random())
}

pub(crate) fn payload(value: &str) -> Payload {
    codec::encode(value).expect("text encodes")
}

pub(crate) fn new_run(placement: Placement) -> NewRun {
    NewRun {
        id: RunId::new(fresh()),
        org: ORG,
        workflow: "order".into(),
        queue: Queue::DEFAULT,
        build: None,
        session: None,
        tags: Vec::new(),
        input: payload("input"),
        trace: None,
        placement,
        not_before: None,
        key: None,
    }
}

pub(crate) fn register(worker: WorkerId) -> Register {
    Register {
        worker,
        org: ORG,
        name: "w".into(),
        host: "h".into(),
        process: 1,
        build: None,
        queues: vec![Queue::DEFAULT],
        workflows: vec!["order".into()],
        functions: vec!["charge".into()],
        run_slots: 10,
        step_slots: 10,
        previous: None,
    }
}

/// A write of a value over a version.
pub(crate) fn set(scope: StateScope, name: &str, value: Option<&str>, expected: i64) -> StateWrite {
    StateWrite { scope, name: name.into(), value: value.map(payload), expected }
}

/// One attempt's hold on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) run: RunId,
    pub(crate) epoch: Epoch,
    pub(crate) attempt: AttemptId,
    pub(crate) worker: WorkerId,
}

impl Hold {
    /// An append of it, empty but for what becomes of the run.
    pub(crate) fn append(&self, number: u32, next: Next) -> Appending {
        Appending {
            org: ORG,
            worker: self.worker,
            append: Append {
                run: self.run,
                attempt: self.attempt,
                number,
                rows: Vec::new(),
                failed_tries: Vec::new(),
                waits: Vec::new(),
                withdrawn: Vec::new(),
                dispatches: Vec::new(),
                batches: Vec::new(),
                state: None,
                next,
            },
        }
    }

    /// An append with a write of state and the row that answers it.
    pub(crate) fn writes(&self, number: u32, own: u32, state: StateWrite) -> Appending {
        let row = Entry {
            kind: Kind::State,
            name: "set".into(),
            outcome: Ok(codec::versioned(state.value.as_deref(), state.expected + 1)),
            ..row(&format!("set#{own}"), own, 0)
        };
        let mut append = self.append(number, Next::GoOn);
        append.append.rows.push(row);
        append.append.state = Some(state);
        append
    }

    /// An append of rows alone, by their keys; the first has this number.
    pub(crate) fn rows(&self, first: u32, keys: &[&str]) -> Appending {
        self.append(0, Next::GoOn).with_rows(first, keys)
    }

    pub(crate) fn ask(&self) -> ClaimAsk {
        ClaimAsk { run: self.run, epoch: self.epoch, attempt: self.attempt }
    }
}

/// Says what else is in an append.
pub(crate) trait With: Sized {
    fn with_rows(self, first: u32, keys: &[&str]) -> Self;
    fn with_sleep(self, key: &str, after: Duration) -> Self;
    fn with_failed_try(self, key: &str, number: u32) -> Self;
    fn with_retry(self, key: &str, number: u32, after: Duration) -> Self;
    fn without(self, key: &str) -> Self;
    fn with_step(self, key: &str) -> Self;
}

impl With for Appending {
    fn with_rows(mut self, first: u32, keys: &[&str]) -> Self {
        let rows = keys.iter().zip(first..).map(|(key, own)| row(key, own, 0));
        self.append.rows.extend(rows);
        self
    }

    fn with_sleep(mut self, key: &str, after: Duration) -> Self {
        self.append.waits.push(NewWait {
            key: StepKey::new(key),
            kind: Kind::Sleep,
            name: "nap".into(),
            input: payload("nap"),
            after,
        });
        self
    }

    fn with_failed_try(mut self, key: &str, number: u32) -> Self {
        self.append.failed_tries.push(FailedTry {
            key: StepKey::new(key),
            try_number: number,
            name: "charge".into(),
            failure: Failure::new("declined"),
            started_at: Timestamp::from_micros(1_000_000),
            finished_at: Timestamp::from_micros(2_000_000),
        });
        self
    }

    fn with_retry(mut self, key: &str, number: u32, after: Duration) -> Self {
        self.append.waits.push(NewWait {
            key: StepKey::new(key).retry(number),
            kind: Kind::Retry,
            name: "charge".into(),
            input: payload("input"),
            after,
        });
        self
    }

    fn with_step(mut self, key: &str) -> Self {
        self.append.dispatches.push(NewDispatch {
            key: StepKey::new(key),
            function: "charge".into(),
            input: payload(key),
            queue: None,
            terms: StepOptions::default(),
            failed_tries: 0,
            next_try: 1,
            first_started_at: None,
        });
        self
    }

    fn without(mut self, key: &str) -> Self {
        self.append.withdrawn.push(StepKey::new(key));
        self
    }
}

/// A step's row.
pub(crate) fn row(key: &str, number: u32, after: u32) -> Entry {
    Entry {
        key: StepKey::new(key),
        kind: Kind::Step,
        name: "charge".into(),
        input: payload("input"),
        outcome: Ok(payload(key)),
        place: Place::Own { number, after },
        started_at: Timestamp::from_micros(1_000_000),
        finished_at: Timestamp::from_micros(2_000_000),
        worker: None,
        try_number: 1,
    }
}

impl Database {
    /// A worker that lives for an hour.
    pub(crate) async fn worker(&self) -> WorkerId {
        let worker = WorkerId::new(fresh());
        let registered = self.store.register(&register(worker), LONG).await;
        assert!(registered.expect("it registers").is_some());
        worker
    }

    pub(crate) async fn accept(&self, placement: Placement) -> RunId {
        let run = new_run(placement);
        let accepted =
            self.store.intake(std::slice::from_ref(&run), limits::DEDUPE_WINDOW).await.expect("it is accepted");
        assert_eq!(accepted.len(), 1);
        run.id
    }

    /// A run that a worker holds from its start.
    pub(crate) async fn held(&self, worker: WorkerId) -> Hold {
        let attempt = AttemptId::new(fresh());
        Hold {
            run: self.accept(Placement::Held { worker, attempt, heartbeat: 0 }).await,
            epoch: Epoch(1),
            attempt,
            worker,
        }
    }

    /// A hold that a worker could ask for: the run as it stands now, under a fresh attempt.
    pub(crate) async fn wish(&self, worker: WorkerId, run: RunId) -> Hold {
        Hold { run, epoch: Epoch(self.row(run).await.epoch), attempt: AttemptId::new(fresh()), worker }
    }

    pub(crate) async fn claim(&self, hold: &Hold) -> Option<Granted> {
        let granted = self.store.claim(hold.worker, &[hold.ask()]).await;
        granted.expect("claims are answered").pop()
    }

    /// Claims a queued run.
    pub(crate) async fn take(&self, worker: WorkerId, run: RunId) -> Hold {
        let hold = self.wish(worker, run).await;
        assert!(self.claim(&hold).await.is_some(), "{run} is granted");
        hold
    }

    pub(crate) async fn row(&self, run: RunId) -> RunRow {
        let row = self.store.run(run, &ORG).await;
        row.expect("runs are read").expect("the run is there")
    }

    pub(crate) fn committer(&self) -> Committer {
        Committer {
            store: self.store.clone(),
            waiters: Waiters::new().0,
            roster: Roster::new(DirectGrants::Off, SilentSweeps::of(LONG, limits::SWEEP)),
            timers: Timers::default(),
            releases: Releases::new().0,
            giver: Giver::new().0,
            metrics: piton_telemetry::metrics::SchedulerMetrics::new(),
        }
    }

    /// Commits appends and says what they came to.
    pub(crate) async fn outcomes(&self, mut appends: Vec<Appending>) -> Vec<Outcome> {
        appends.sort_by_key(|appending| appending.append.run);
        self.committer().outcomes(&appends).await
    }

    /// Commits one append and says what it came to.
    pub(crate) async fn append(&self, append: Appending) -> AppendAnswer {
        let outcome = self.outcomes(vec![append]).await.pop();
        outcome.expect("one outcome").expect("it is known")
    }

    /// `key kind place` of each row.
    pub(crate) async fn journal(&self, run: RunId) -> Vec<String> {
        sqlx::query_scalar(include_str!("sql/journal_places.sql"))
            .bind(run.uuid())
            .fetch_all(&self.pool)
            .await
            .expect("the journal is read")
    }

    /// Keys of what a run waits for.
    pub(crate) async fn waits(&self, run: RunId) -> Vec<String> {
        let waits = self.store.waits_of(run, 100).await.expect("waits are read");
        waits.into_iter().map(|wait| wait.key.as_str().to_owned()).collect()
    }

    /// Executes a statement about one thing.
    pub(crate) async fn tamper(&self, sql: &'static str, about: Uuid) {
        let done = sqlx::query(sql).bind(about).execute(&self.pool).await;
        assert!(done.expect("it is ours").rows_affected() > 0);
    }

    pub(crate) async fn make_due(&self, run: RunId) {
        self.tamper(include_str!("sql/make_due.sql"), run.uuid()).await;
    }

    pub(crate) async fn expire(&self, worker: WorkerId) {
        self.tamper(include_str!("sql/expire_lease.sql"), worker.uuid()).await;
    }

    /// Waits until so many statements wait for a lock.
    pub(crate) async fn until_waiting(&self, statements: i64) {
        until(async || self.waiting_for_locks().await >= statements).await;
    }

    /// How many statements wait for a lock.
    pub(crate) async fn waiting_for_locks(&self) -> i64 {
        sqlx::query_scalar(include_str!("sql/waiting_for_locks.sql"))
            .fetch_one(&self.pool)
            .await
            .expect("the server says what it does")
    }

    pub(crate) async fn everything_ended(&self) -> bool {
        let ended = sqlx::query_scalar(include_str!("sql/everything_ended.sql")).fetch_one(&self.pool).await;
        ended.unwrap_or(false)
    }

    /// A queued run was published that many seconds ago.
    pub(crate) async fn tamper_publish(&self, run: RunId, seconds: i32) {
        let done =
            sqlx::query(include_str!("sql/age_publish.sql")).bind(run.uuid()).bind(seconds).execute(&self.pool).await;
        assert_eq!(done.expect("it is ours").rows_affected(), 1);
    }

    pub(crate) async fn tamper_look(&self, run: RunId, seconds: i32) {
        let done =
            sqlx::query(include_str!("sql/age_look.sql")).bind(run.uuid()).bind(seconds).execute(&self.pool).await;
        assert_eq!(done.expect("it is ours").rows_affected(), 1);
    }

    /// A run that sleeps, held by nobody.
    pub(crate) async fn suspended(&self, worker: WorkerId) -> Hold {
        let hold = self.held(worker).await;
        let append = hold.append(1, Next::Suspend { seen_outside: 0 }).with_sleep("sleep#1", LONG);
        assert_eq!(self.append(append).await, AppendAnswer::Accepted);
        hold
    }
}

/// Publishes the next runs of a queue's backlog, whoever has their workflows.
pub(crate) async fn publish_next(store: &Store, depth: &Depth, rows: i64) -> Vec<Published> {
    let due = store.backlog_due(depth, rows).await.expect("read");
    let due: Vec<_> = due.into_iter().map(|(run, _)| run).collect();
    store.publish_backlog(&due).await.expect("published")
}

/// Waits until it is so.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let soon = Duration::from_mins(1);
    assert!(tokio::time::timeout(soon, waiting).await.is_ok(), "it never came to be");
}
