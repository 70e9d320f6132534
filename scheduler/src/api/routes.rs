//! Every address, with what stands around it.

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{delete, get, post},
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access::{Access, KnownKeys, admit},
    batches, control, export, health, journal, keys,
    limits::{self, Times},
    request::{Room, bounded, envelop, unknown_method, unknown_route},
    runs, start, state, workers,
};
use crate::engine::Engine;

/// What handlers work with.
#[derive(Clone)]
pub(super) struct Door {
    /// Shared, since every layer and handler takes a clone of the door for every request.
    pub(super) engine: Arc<Engine>,
    pub(super) access: Access,
    pub(super) keys: KnownKeys,
    /// Cancelled when the scheduler is told to stop: those who wait are answered then.
    pub(super) closing: CancellationToken,
    pub(super) times: Times,
}

pub(super) fn router(engine: Engine, access: Access, times: Times, closing: CancellationToken) -> Router {
    let metrics = Arc::new(engine.metrics().http.clone());
    let door = Door { engine: Arc::new(engine), access, keys: KnownKeys::default(), closing, times };
    let waiting = OpenApiRouter::new()
        .route("/v1/runs", post(start::start).get(runs::list))
        .route("/v1/runs/{id}", get(runs::get))
        .route("/v1/runs/{id}/kill", post(control::kill))
        .route("/v1/batches/{id}", get(batches::get).delete(batches::cancel))
        .route("/v1/runs/{id}/pause", post(control::pause))
        .route_layer(from_fn_with_state(Room::of(limits::WAITING_REQUESTS, times), bounded));
    let brief = OpenApiRouter::new()
        .route("/v1/runs/{id}/cancel", post(control::cancel))
        .route("/v1/runs/{id}/resume", post(control::resume))
        .route("/v1/runs/{id}/batches", get(batches::of_run))
        .route("/v1/runs/{id}/batches/{key}", get(batches::one_of_run))
        .route("/v1/batches/{id}/cancel", post(batches::cancel))
        .routes(routes!(workers::list))
        .route("/v1/keys", post(keys::create).get(keys::list))
        .route("/v1/keys/{id}", delete(keys::revoke))
        .route_layer(from_fn_with_state(Room::of(limits::BRIEF_REQUESTS, times), bounded));
    let large = OpenApiRouter::new()
        .route("/v1/runs/{id}/journal", get(journal::get))
        .route("/v1/runs/{id}/state", get(state::of_run))
        .route("/v1/sessions/{session}/state", get(state::of_session))
        .route("/v1/runs/{id}/batches/{key}/results", get(batches::results_in_run))
        .route("/v1/batches", post(batches::submit))
        .route("/v1/batches/{id}/results", get(batches::results))
        .route("/v1/runs/{id}/export", get(export::get))
        .route_layer(from_fn_with_state(Room::of(limits::JOURNAL_REQUESTS, times), bounded));
    let (router, _document) =
        waiting.merge(brief).merge(large).route_layer(from_fn_with_state(door.clone(), admit)).split_for_parts();
    router
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(metrics, envelop))
        .with_state(door)
}
