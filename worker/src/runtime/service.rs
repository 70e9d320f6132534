//! A worker's life: registrations, one after the other, until it is told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use piton_shared::{
    ids::WorkerId,
    message::{Refusal, claim::HandedBack, define::Define, dispatch::StepTask, task::RunTask, worker::Leave},
    name::Org,
    subject::{Method, Subjects},
};
use piton_telemetry::metrics::WorkerMetrics;
use piton_transport::{Bus, BusOptions, BusState, Inbox, SendError};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    clock::Clock,
    controls::Controls,
    define,
    door::{Door, Home},
    error::{ConnectError, RunError},
    finisher, hand_back, hear,
    holdings::Holdings,
    http::{Told, Watched},
    journaler,
    lease::{Heart, HeartError, Lease, LeaseState},
    member::{Member, Terms, fresh_worker},
    polls::Polls,
    pull,
    register::{Admitted, card, register, stay_registered},
    signals::{Ending, Signals, Stop, wanted},
    standing::Registration,
};
use crate::{Worker, WorkerBuilder};

/// How long a scheduler may take to hear that this worker leaves; later its lease ends.
const LEAVE: Duration = Duration::from_secs(2);
/// How long tasks may take to end after everything was aborted, at most: a function that never awaits cannot be stopped.
const END: Duration = Duration::from_secs(5);
/// The same for a worker that is to leave at once.
const END_NOW: Duration = Duration::from_millis(250);
/// How often a draining worker looks whether it holds anything yet.
const LOOK: Duration = Duration::from_millis(20);
/// How long to wait before subscribing, or registering under another id, is tried again.
const AGAIN: Duration = Duration::from_millis(200);

impl WorkerBuilder {
    /// Checks that everything fits together and connects to NATS.
    ///
    /// # Errors
    ///
    /// What [`build`](Self::build) finds wrong, and NATS that cannot be reached or refuses.
    pub async fn connect(self) -> Result<Connected, ConnectError> {
        self.build()?.connect().await
    }
}

impl Worker {
    /// Connects to NATS. Nothing is taken on before [`Connected::run`].
    ///
    /// # Errors
    ///
    /// NATS cannot be reached, or refuses; metrics cannot be served where the options say.
    pub async fn connect(self) -> Result<Connected, ConnectError> {
        let options = self.options();
        let watched = Watched::listen(options.metrics_address).await?;
        let mut bus = BusOptions::new(options.url.clone(), options.name.clone());
        bus.auth = options.nats_auth.clone();
        bus.subjects = Subjects::new(options.nats_prefix.clone()).map_err(ConnectError::Prefix)?;
        bus.inbox = bus.subjects.inbox(&options.org);
        let lease = BusOptions { name: format!("{} lease", options.name), ..bus.clone() };
        let bus = Box::pin(Bus::connect(bus)).await.map_err(ConnectError::Nats)?;
        let heart = Box::pin(Heart::start(lease)).await.map_err(|error| match error {
            HeartError::Thread(source) => ConnectError::Thread(source),
            HeartError::Nats(source) => ConnectError::Nats(source),
        })?;
        let registration = Registration::default();
        let pages = define::pages(&self, Clock::new().now()).into();
        Ok(Connected {
            worker: self,
            pages,
            bus,
            heart,
            metrics: WorkerMetrics::new(),
            registration,
            polls: Polls::default(),
            watched,
        })
    }

    /// Connects and works until SIGTERM or SIGINT: [`connect`](Self::connect) and [`Connected::run`].
    ///
    /// # Errors
    ///
    /// Theirs.
    pub async fn run(self) -> Result<(), RunError> {
        self.connect().await?.run().await
    }
}

/// A worker that is connected and takes nothing on yet.
#[derive(Debug)]
#[must_use = "it takes nothing on before `.run().await`"]
pub struct Connected {
    worker: Worker,
    /// What its definitions are, as it says again at each registration.
    pages: Arc<[Define]>,
    bus: Bus,
    heart: Heart,
    metrics: WorkerMetrics,
    registration: Registration,
    polls: Polls,
    watched: Option<Watched>,
}

impl Connected {
    /// What it counts, in Prometheus' text format through [`WorkerMetrics::render`].
    pub fn metrics(&self) -> WorkerMetrics {
        self.metrics.clone()
    }

    /// Where it serves its metrics, if it was told to: with the port that was found where the option said 0.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.watched.as_ref().map(Watched::address)
    }

    /// Works until SIGTERM or SIGINT (Ctrl-C), then drains: it takes nothing new, lets functions finish as long as the
    /// option `drain` says, has their results journaled, and gives its runs back. A second signal makes it leave at
    /// once.
    ///
    /// The process ends shortly after this has returned if functions were left behind that cannot be stopped, because they
    /// block their thread. It also ends if the worker does not leave: ten seconds after the time to drain, and three seconds after
    /// the second signal. Once it was told to stop and has returned, a further signal ends the process, which threads of
    /// `spawn_blocking` may keep.
    ///
    /// # Errors
    ///
    /// The scheduler refuses this worker, NATS closes the connection for good, or signals cannot be heard.
    pub async fn run(self) -> Result<(), RunError> {
        let (sender, stop) = watch::channel(Stop::No);
        let signals = Signals::listen(sender, self.worker.options().drain).await.map_err(RunError::Signals)?;
        let polls = self.polls.clone();
        let ended = self.work(stop).await;
        signals.end(Ending::of(&ended, &polls));
        ended
    }

    /// Works until `stop` is done, then drains as [`run`](Self::run) does. Signals are the caller's.
    ///
    /// # Errors
    ///
    /// The scheduler refuses this worker, or NATS closes the connection for good.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let (sender, receiver) = watch::channel(Stop::No);
        let stopping = async {
            stop.await;
            sender.send_replace(Stop::Drain);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = self.work(receiver) => ended,
            () = stopping => unreachable!("it never ends"),
        }
    }

    /// Works, and is watched meanwhile: until everything else has ended.
    async fn work(mut self, stop: watch::Receiver<Stop>) -> Result<(), RunError> {
        let told = Told { metrics: self.metrics.clone(), registration: self.registration.clone() };
        let over = CancellationToken::new();
        // Also when this future is dropped.
        let over_now = over.clone().drop_guard();
        let watching = self.watched.take().map(|watched| watched.serve(told, over)).transpose();
        let watching = watching.map_err(RunError::Health)?;
        let ended = Box::pin(self.serve(stop)).await;
        drop(over_now);
        if let Some(watching) = watching
            && !matches!(tokio::task::spawn_blocking(|| watching.join()).await, Ok(Ok(())))
        {
            tracing::error!("the thread that serves metrics and health has panicked");
        }
        ended
    }

    async fn serve(self, mut stop: watch::Receiver<Stop>) -> Result<(), RunError> {
        let mut previous = None;
        let ended = loop {
            match self.serve_once(&mut stop, previous).await {
                Ok(Left::LeaseEnded(worker)) => {
                    self.metrics.leases_lost.inc();
                    previous = Some(worker);
                }
                Ok(Left::Told) => break Ok(()),
                // The next one has another id.
                Err(RunError::Refused(Refusal::UnknownWorker)) => {
                    tracing::warn!("the lease ended before the registration was answered: registering again");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => break Err(error),
            }
        };
        self.heart.stop().await;
        ended
    }

    /// One registration, from its beginning to its end.
    async fn serve_once(&self, stop: &mut watch::Receiver<Stop>, previous: Option<WorkerId>) -> Result<Left, RunError> {
        let clock = Clock::new();
        let options = self.worker.options();
        let door = Door {
            bus: self.bus.clone(),
            org: options.org.clone(),
            home: Arc::new(Home::default()),
            metrics: self.metrics.clone(),
        };
        let card = card(&self.worker, fresh_worker(clock), previous);
        // Subscribe before you look: what is said from the registration on is heard.
        let admitted = async {
            let inboxes = subscribe(&self.bus, &card.org, card.worker).await;
            Ok::<_, RunError>((inboxes, register(&door, &self.pages, &card).await?))
        };
        let (inboxes, Admitted { registered, asked }) = tokio::select! {
            biased;
            () = wanted(stop, Stop::Drain) => return Ok(Left::Told),
            admitted = admitted => admitted?,
        };
        let terms = Terms {
            lease: Duration::from_millis(registered.lease_millis),
            heartbeat: Duration::from_millis(registered.heartbeat_millis.max(1)),
        };
        let lease = Arc::new(Lease::new(asked + terms.usable()));
        let (journal, jobs) = mpsc::channel(options.run_slots.get() as usize);
        let (returns, returned) = mpsc::channel(hand_back::WAITING);
        let (finishes, ends) = mpsc::channel(finisher::REPORTS);
        let member = Arc::new(Member {
            id: card.worker,
            registry: Arc::clone(self.worker.registry()),
            options: options.clone(),
            terms,
            door,
            clock,
            controls: Controls::new(registered.control_version),
            holdings: Holdings::new(Arc::clone(&lease)),
            lease,
            run_slots: Arc::new(Semaphore::new(options.run_slots.get() as usize)),
            step_slots: Arc::new(Semaphore::new(options.step_slots.get() as usize)),
            journal,
            returns,
            finishes,
            reports: Arc::new(Semaphore::new(finisher::REPORTS)),
            tasks: TaskTracker::new(),
            polls: self.polls.clone(),
            beat_now: tokio::sync::Notify::new(),
            draining: CancellationToken::new(),
            over: CancellationToken::new(),
        });
        self.metrics.run_slots.set(i64::from(options.run_slots.get()));
        self.metrics.step_slots.set(i64::from(options.step_slots.get()));
        tracing::info!(worker = %member.id, scheduler = %registered.scheduler, name = options.name, "registered");
        self.registration.set(&member);

        self.heart.beat_for(Arc::clone(&member)).await;
        let shared = || Arc::clone(&member);
        member.spawn_vital("journaler", journaler::serve(shared(), jobs));
        member.spawn_vital("hand-back", hand_back::serve(shared(), returned));
        member.spawn_vital("finisher", finisher::serve(shared(), ends));
        member.spawn_vital("inbox", hear::serve(shared(), inboxes.said));
        member.spawn_vital("holding", hear::answer_holding(shared(), inboxes.asked));
        member.spawn_vital("registration", stay_registered(shared(), Arc::clone(&self.pages), card));
        for consumer in registered.consumers {
            member.spawn_vital("pull", pull::serve::<RunTask>(shared(), consumer));
        }
        for consumer in registered.step_consumers {
            member.spawn_vital("pull of dispatched work", pull::serve::<StepTask>(shared(), consumer));
        }
        let over = Over(Arc::clone(&member));
        let left = tokio::select! {
            biased;
            left = until_over(&member, stop) => Ok(left),
            () = closed(&self.bus) => Err(RunError::Closed),
        };
        let urgency = *stop.borrow();
        end(&member, &left, urgency).await;
        drop(over);
        left
    }
}

/// Ends a registration also when its future is dropped. The worker then looks dead to the scheduler: its lease ends.
struct Over(Arc<Member>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.draining.cancel();
        self.0.holdings.clear();
        self.0.over.cancel();
    }
}

/// What a registration hears on.
struct Inboxes {
    said: Inbox,
    asked: Inbox,
}

async fn subscribe(bus: &Bus, org: &Org, worker: WorkerId) -> Inboxes {
    loop {
        let subscribed = async {
            let said = bus.serve(&bus.subjects().worker(org, worker), None).await?;
            let asked = bus.serve(&bus.subjects().holding(org, worker), None).await?;
            Ok::<_, SendError>(Inboxes { said, asked })
        };
        match subscribed.await {
            Ok(inboxes) => return inboxes,
            Err(error) => tracing::debug!(%error, "failed to subscribe: trying again"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Why a registration is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The worker was told to stop.
    Told,
    /// The lease of this registration has ended: it comes back under a new id.
    LeaseEnded(WorkerId),
}

/// Lets everything go its way until the worker is told to stop, and has drained, or its lease has ended.
async fn until_over(member: &Member, stop: &mut watch::Receiver<Stop>) -> Left {
    let mut lease = member.lease.watch();
    let ended = async {
        let ended = lease.wait_for(|view| view.state == LeaseState::Ended).await.is_ok();
        if !ended {
            std::future::pending::<()>().await;
        }
    };
    let stopping = async {
        wanted(stop, Stop::Drain).await;
        member.draining.cancel();
        member.beat_now.notify_one();
        tracing::info!(runs = member.holdings.len(), "draining: no new work is taken");
        tokio::select! {
            biased;
            () = wanted(stop, Stop::Now) => {}
            () = tokio::time::sleep(member.options.drain) => {
                tracing::warn!(runs = member.holdings.len(), "the time to drain is over: what still runs is dropped");
            }
            () = empty(member) => {}
        }
    };
    tokio::select! {
        biased;
        () = ended => Left::LeaseEnded(member.id),
        () = stopping => Left::Told,
    }
}

/// Returns when the connection will not come back.
async fn closed(bus: &Bus) {
    let mut state = bus.state();
    // An error means that the connection's own tasks are gone.
    let _ = state.wait_for(|state| *state == BusState::Closed).await;
}

async fn empty(member: &Member) {
    while !member.holdings.is_empty() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Ends everything under this registration, and says goodbye if there is anybody to say it to.
async fn end(member: &Member, left: &Result<Left, RunError>, stop: Stop) {
    member.draining.cancel();
    member.holdings.clear();
    member.over.cancel();
    member.tasks.close();
    let within = match (left, stop) {
        (Ok(Left::LeaseEnded(_)) | Err(_), _) => END,
        // While there is a lease: whoever leaves under one is no crash.
        (Ok(Left::Told), Stop::No | Stop::Drain) => END.min(member.lease.left() / 2),
        (Ok(Left::Told), Stop::Now) => END_NOW,
    };
    if tokio::time::timeout(within, member.tasks.wait()).await.is_err() {
        tracing::warn!(
            tasks = member.tasks.len(),
            "functions that never await cannot be stopped: they are left behind"
        );
    }
    match left {
        Ok(Left::LeaseEnded(_)) | Err(_) => {}
        Ok(Left::Told) => {
            let leave = Leave { worker: member.id };
            match member.door.ask::<_, HandedBack>(Method::Leave, &leave, LEAVE).await {
                Ok(HandedBack { requeued }) => tracing::info!(worker = %member.id, requeued, "left"),
                Err(error) => tracing::warn!(%error, "nobody heard that this worker leaves: its lease will end"),
            }
        }
    }
}
