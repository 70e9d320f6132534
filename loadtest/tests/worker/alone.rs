//! A run whose workers died, on the only worker there is, which is always busy.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use piton::{Resource, Result, Worker, WorkerBuilder, WorkerOptions, WorkflowContext, function, workflow};
use piton_shared::state::RunState;
use tokio::time::Instant;

use crate::stack::{Stack, eventually};

/// Runs that are under way at any time beside the suspect, more than the worker has slots.
const BUSY: usize = 12;
const SLOTS: u32 = 8;
/// How long the suspect looks around.
const LOOK: Duration = Duration::from_millis(500);

/// What functions here see of each other.
#[derive(Default)]
struct Room {
    executed: AtomicU32,
    suspects: AtomicU32,
    seen_beside: AtomicU32,
    over: AtomicBool,
}

/// Counts a function for as long as it is there, whether it ends or is dropped.
struct Here<'a>(&'a Room);

impl<'a> Here<'a> {
    fn new(room: &'a Room) -> Self {
        room.executed.fetch_add(1, Ordering::SeqCst);
        Self(room)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.executed.fetch_sub(1, Ordering::SeqCst);
    }
}

#[function]
async fn innocent(room: Resource<Room>, number: u32) -> Result<u32> {
    let _here = Here::new(&room);
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(number)
}

#[workflow]
async fn innocents(ctx: &WorkflowContext) -> Result<u32> {
    let mut sum = 0;
    for number in 0..4 {
        sum += ctx.step(innocent(number)).await?;
    }
    Ok(sum)
}

/// Hangs until its worker dies, twice; then it counts who is executed beside it.
#[function]
async fn suspected(room: Resource<Room>) -> Result<u32> {
    let _here = Here::new(&room);
    if room.suspects.fetch_add(1, Ordering::SeqCst) < 2 {
        std::future::pending::<()>().await;
    }
    let until = Instant::now() + LOOK;
    while Instant::now() < until {
        room.seen_beside.fetch_max(room.executed.load(Ordering::SeqCst) - 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(room.seen_beside.load(Ordering::SeqCst))
}

#[workflow]
async fn suspect(ctx: &WorkflowContext) -> Result<u32> {
    Ok(ctx.step(suspected()).await?)
}

fn builder(room: &Arc<Room>) -> WorkerBuilder {
    let builder = Worker::builder().shared_resource(Arc::clone(room));
    builder.register(innocent).register(innocents).register(suspected).register(suspect)
}

/// Keeps the worker busy until it is over; says how many runs that took.
async fn keep_busy(stack: &Stack, room: &Room) -> usize {
    let one_after_the_other = || async {
        let mut runs = 0;
        while !room.over.load(Ordering::SeqCst) {
            let run = stack.begin("innocents", &()).await;
            assert_eq!(stack.result::<u32>(run).await, 6);
            runs += 1;
        }
        runs
    };
    futures::future::join_all((0..BUSY).map(|_| one_after_the_other())).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_whose_workers_died_runs_alone_on_a_worker_that_is_always_busy() {
    let stack = Stack::start().await;
    let room = Arc::new(Room::default());
    let options = || {
        let slots = SLOTS.try_into().expect("it is not zero");
        WorkerOptions { run_slots: slots, ..stack.options() }
    };
    let mut doomed = stack.work_with(builder(&room), options()).await;
    let run = stack.begin("suspect", &()).await;
    for deaths in 1..=2 {
        let executed = async || (room.suspects.load(Ordering::SeqCst) == deaths).then_some(());
        eventually("the suspect to run", executed).await;
        doomed.crash().await;
        doomed = stack.work_with(builder(&room), options()).await;
    }
    let ends = async {
        let row = stack.ended(run).await;
        room.over.store(true, Ordering::SeqCst);
        row
    };
    let (row, innocents) = tokio::join!(ends, keep_busy(&stack, &room));
    assert_eq!((row.state, room.suspects.load(Ordering::SeqCst)), (RunState::Completed, 3));
    assert_eq!(room.seen_beside.load(Ordering::SeqCst), 0, "others were executed beside it");
    assert_eq!(row.strikes, 0, "a new step resets the strikes");
    // An attempt that a slow machine gave back or lost before it executed anything is no death.
    assert!(row.attempts >= 3, "{} attempts", row.attempts);
    assert!(innocents >= BUSY, "{innocents} runs kept it busy");
    doomed.stop().await;
}
