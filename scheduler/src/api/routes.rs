//! Every address, with what stands around it.
//!
//! A route says by `#[utoipa::path]` what it is, and is listed here once, under what bounds it: that puts it into the
//! document as well. A new one needs an `operation_id` (the method's name in generated clients), a tag of
//! `document/complete.rs`, and its own problems by their codes: `(status = 404, description = "unknown_run")`.

use std::{ops::Deref, sync::Arc};

use axum::{Router, extract::FromRef, middleware::from_fn_with_state};
use piton_shared::name::Org;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    access::{Access, KeyUses, KnownKeys, admit},
    batches, control, definitions, document, events, export, health, hooks, journal, keys,
    limits::{self, Times},
    lists::Lists,
    pages::pages,
    progress,
    request::{Room, bounded, envelop, unknown_method, unknown_route},
    runs, schedules,
    share::Shares,
    start, state, triggers, webhooks, workers,
};
use crate::{engine::Engine, webhook::Hooks};

/// What handlers work with. One reference: every layer and handler takes a clone for every request.
#[derive(Clone)]
pub(super) struct Door(Arc<Parts>);

impl Deref for Door {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the routes share.
pub(super) struct Parts {
    pub(super) engine: Arc<Engine>,
    pub(super) access: Access,
    pub(super) keys: KnownKeys,
    /// Turns at reading lists.
    pub(super) lists: Lists,
    pub(super) hooks: Hooks,
    /// Room for those who follow runs: a stream outlives its request.
    pub(super) streams: Arc<Semaphore>,
    /// How many of them each org has.
    pub(super) followers: Shares<Org>,
    /// Deliveries whose body is being read, by endpoint.
    pub(super) deliveries: Shares<Uuid>,
    /// Cancelled when the scheduler is told to stop: those who wait are answered then.
    pub(super) closing: CancellationToken,
    pub(super) times: Times,
}

/// What the routes of health work with.
#[derive(Clone)]
pub(super) struct Vitals {
    pub(super) engine: Arc<Engine>,
    pub(super) closing: CancellationToken,
    pub(super) times: Times,
}

impl FromRef<Door> for Vitals {
    fn from_ref(door: &Door) -> Self {
        Self { engine: Arc::clone(&door.engine), closing: door.closing.clone(), times: door.times }
    }
}

pub(super) fn router(engine: Engine, access: Access, times: Times, closing: CancellationToken) -> (Router, KeyUses) {
    let metrics = Arc::new(engine.metrics().http.clone());
    let engine = Arc::new(engine);
    let hooks = Hooks::new(Arc::clone(&engine));
    let places = times.requests.unwrap_or(limits::STREAMS);
    let (streams, followers) = (Arc::new(Semaphore::new(places)), Shares::of_places(places));
    let deliveries = Shares::half_of(times.requests.unwrap_or(limits::HOOK_REQUESTS));
    let (keys, uses) = KnownKeys::new();
    let lists = Lists::default();
    let parts = Parts { engine, access, keys, lists, hooks, streams, followers, deliveries, closing, times };
    let door = Door(Arc::new(parts));
    let (router, _) = for_callers(times)
        .route_layer(from_fn_with_state(door.clone(), admit))
        .merge(for_everybody(times))
        .merge(for_providers(times))
        .split_for_parts();
    let router = router
        .merge(pages(times))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(metrics, envelop))
        .with_state(door);
    (router, uses)
}

/// The routes of the health listener: the same that the API serves beside its own.
pub(super) fn health_router(engine: Engine, closing: CancellationToken) -> Router {
    let metrics = Arc::new(engine.metrics().http.clone());
    let times = Times::default();
    let vitals = Vitals { engine: Arc::new(engine), closing, times };
    let (router, _) = of_health::<Vitals>()
        .route_layer(from_fn_with_state(Room::of(limits::OPEN_REQUESTS, times), bounded))
        .split_for_parts();
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(metrics, envelop))
        .with_state(vitals)
}

/// Whether the scheduler lives and can work, and its figures.
fn of_health<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Vitals: FromRef<S>,
{
    OpenApiRouter::default()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// What the routes say of themselves.
pub(super) fn document() -> OpenApi {
    let times = Times::default();
    for_callers(times).merge(for_everybody(times)).merge(for_providers(times)).into_openapi()
}

/// The routes that say whose they are: with a key, or from this machine.
fn for_callers(times: Times) -> OpenApiRouter<Door> {
    let waiting = OpenApiRouter::default()
        .routes(routes!(start::start, runs::list))
        .routes(routes!(events::publish, events::list))
        .routes(routes!(runs::get))
        .routes(routes!(control::kill))
        .routes(routes!(control::pause))
        .routes(routes!(batches::get, batches::delete))
        .route_layer(from_fn_with_state(Room::of(limits::WAITING_REQUESTS, times), bounded));
    let brief = OpenApiRouter::default()
        .routes(routes!(control::cancel))
        .routes(routes!(control::resume))
        .routes(routes!(progress::follow))
        .routes(routes!(batches::of_run))
        .routes(routes!(batches::one_of_run))
        .routes(routes!(batches::cancel))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::get, schedules::change, schedules::delete))
        .routes(routes!(schedules::next))
        .routes(routes!(schedules::firings))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(schedules::trigger))
        .routes(routes!(events::get))
        .routes(routes!(events::replay))
        .routes(routes!(triggers::create, triggers::list))
        .routes(routes!(triggers::get, triggers::change, triggers::delete))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::secrets::add))
        .routes(routes!(webhooks::secrets::remove))
        .routes(routes!(webhooks::deliveries::list))
        .routes(routes!(webhooks::deliveries::get))
        .routes(routes!(definitions::get))
        .routes(routes!(workers::list))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .route_layer(from_fn_with_state(Room::of(limits::BRIEF_REQUESTS, times), bounded));
    let large = OpenApiRouter::default()
        .routes(routes!(journal::get))
        .routes(routes!(definitions::list))
        .routes(routes!(state::of_run))
        .routes(routes!(state::of_session))
        .routes(routes!(batches::results_in_run))
        .routes(routes!(batches::submit))
        .routes(routes!(batches::results))
        .routes(routes!(export::get))
        .route_layer(from_fn_with_state(Room::of(limits::JOURNAL_REQUESTS, times), bounded));
    waiting.merge(brief).merge(large)
}

/// The routes whose access is a signature. Tunnels may lead to them, so nobody asks by what name they were reached.
fn for_providers(times: Times) -> OpenApiRouter<Door> {
    OpenApiRouter::default()
        .routes(routes!(hooks::receive))
        .route_layer(from_fn_with_state(Room::of(limits::HOOK_REQUESTS, times), bounded))
}

/// The routes that whoever reaches the scheduler may ask.
fn for_everybody(times: Times) -> OpenApiRouter<Door> {
    of_health::<Door>()
        .routes(routes!(document::get))
        .route_layer(from_fn_with_state(Room::of(limits::OPEN_REQUESTS, times), bounded))
}
