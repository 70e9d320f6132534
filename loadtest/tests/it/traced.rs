//! One trace shows the whole road of a run, over processes: the request, the attempt, the tries.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use anyhow::Context as _;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any, trace::v1::Span,
};
use parking_lot::Mutex;
use piton_loadtest::until;
use prost::Message as _;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use crate::rig::{Data, Rig, SOON};

/// A span, and the service that sent it.
type Seen = (String, Span);

/// Takes what exporters send over HTTP, and keeps it.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    /// Serves as long as the tasks live.
    async fn serve(&self, tasks: &mut JoinSet<()>) -> anyhow::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let collector = self.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let collector = collector.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| collector.take(request));
                    // An exporter that goes away is no matter of ours.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(url)
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        // An empty answer is that of one who took everything.
        let mut response = Response::new(String::new());
        match read(request).await {
            Ok(export) => self.keep(export),
            Err(_) => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
        }
        Ok(response)
    }

    fn keep(&self, export: ExportTraceServiceRequest) {
        for resource in export.resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let service = match service.and_then(|attribute| attribute.value).and_then(|value| value.value) {
                Some(Any::StringValue(service)) => service,
                _ => String::new(),
            };
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans.lock().extend(spans.map(|span| (service.clone(), span)));
        }
    }

    /// The spans of a trace.
    fn of(&self, trace: &[u8]) -> Vec<Seen> {
        self.spans.lock().iter().filter(|(_, span)| span.trace_id == trace).cloned().collect()
    }
}

async fn read(request: Request<Incoming>) -> anyhow::Result<ExportTraceServiceRequest> {
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), context)).await
    {
        bytes.extend(frame?.into_data().unwrap_or_default());
    }
    ExportTraceServiceRequest::decode(&*bytes).context("no traces")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_request_to_the_steps() -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let collector = Collector::default();
    let url = collector.serve(&mut tasks).await?;
    let rig = Rig::start_with(
        Data::Throwaway,
        1,
        1,
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT".into(), url),
            // Spans are sent at once and not after five seconds.
            ("OTEL_BSP_SCHEDULE_DELAY".into(), "100".into()),
        ],
    )
    .await?;

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let caller = "00f067aa0ba902b7";
    let body = json!({ "workflow": "order_workflow", "input": "order-1" }).to_string();
    let api = rig.cluster.any_api()?;
    let answer = api.start_traced("?wait=30s", body, &format!("00-{trace}-{caller}-01")).await?;
    assert_eq!(answer.status, 201, "{}", answer.json());

    let trace = u128::from_str_radix(trace, 16)?.to_be_bytes();
    let steps = ["validate_order", "charge_customer", "send_confirmation"];
    let seen = until("the spans of the run", SOON, async || {
        let seen = collector.of(&trace);
        let all = seen.iter().filter(|(_, span)| span.name == "try").count() >= steps.len()
            && seen.iter().any(|(_, span)| span.name == "attempt")
            && seen.iter().any(|(_, span)| span.name == "http.request");
        Ok(all.then_some(seen))
    })
    .await?;

    let named = |name: &str| seen.iter().filter(|(_, span)| span.name == name).collect::<Vec<_>>();
    let (request, attempt, tries) = (named("http.request"), named("attempt"), named("try"));
    let [(request_service, request)] = request[..] else { panic!("one request: {request:?}") };
    let [(attempt_service, attempt)] = attempt[..] else { panic!("one attempt: {attempt:?}") };
    assert_eq!((&**request_service, &**attempt_service), ("piton-scheduler", "piton-loadtest-worker"));
    assert_eq!(request.parent_span_id, u64::from_str_radix(caller, 16)?.to_be_bytes(), "below the caller's span");
    assert_eq!(attempt.parent_span_id, request.span_id, "the attempt is below the request");
    assert_eq!(tries.len(), steps.len());
    assert!(tries.iter().all(|(_, one)| one.parent_span_id == attempt.span_id), "the tries are below the attempt");
    rig.stop().await
}
