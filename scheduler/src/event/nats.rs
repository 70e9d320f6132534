//! Events over NATS: JSON on a subject that names the org, from any program that may use NATS.

use futures::{StreamExt, stream::FuturesUnordered};
use piton_shared::{
    limits::{CALLER_KEY_BYTES, REQUEST_BODY_BYTES},
    name::Org,
    subject::Subjects,
};
use piton_telemetry::trace;
use piton_transport::{Bus, Inbox, Received, SendError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::EventHandle;
use crate::api::{Code, Problem, body, events};

/// Publishes under way at once; more wait in the subscription.
const AT_ONCE: usize = 64;
/// The header whose value is taken for the id of a single event, as NATS' own streams take it.
const ID_HEADER: &str = "Nats-Msg-Id";

/// Takes what is published over NATS. Who may publish for which org is said by the permissions of NATS: there are no keys here.
#[derive(Clone)]
pub struct NatsDoor {
    /// Where it comes from.
    pub bus: Bus,
    /// Where it goes.
    pub events: EventHandle,
}

impl NatsDoor {
    /// Subscribes, one of the schedulers for each message, then serves on a task of `tasks` until told to stop.
    pub async fn open(self, tasks: &TaskTracker, stop: &CancellationToken) -> Result<(), SendError> {
        let inbox = self.bus.serve(&self.bus.subjects().publishes(), Some(Subjects::SCHEDULERS)).await?;
        tasks.spawn(self.serve(inbox, stop.clone()));
        Ok(())
    }

    async fn serve(self, mut inbox: Inbox, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                received = inbox.next(), if under_way.len() < AT_ONCE => match received {
                    Some(received) => under_way.push(self.answer(received)),
                    None => break,
                },
            }
        }
        // What was taken is answered; what was not goes to another scheduler.
        if let Err(error) = inbox.stop().await {
            tracing::debug!(%error, "a subscription did not end in order");
        }
        while under_way.next().await.is_some() {}
    }

    async fn answer(&self, received: Received) {
        if let Some(reply) = received.reply()
            && !org_of(&received).is_some_and(|org| self.bus.subjects().may_answer(&org, reply))
        {
            tracing::warn!(
                subject = received.subject(),
                "events over NATS were dropped: they ask for the answer on a subject that is no inbox"
            );
            return;
        }
        let answer = match self.publish(&received).await {
            Ok(published) => serde_json::to_vec(&published).expect("text, ids and times encode as JSON"),
            Err(problem) => {
                if !received.wants_answer() {
                    tracing::warn!(
                        subject = received.subject(),
                        code = problem.code().word(),
                        "events over NATS were refused, and nobody waits to hear it"
                    );
                }
                problem.json("")
            }
        };
        if !received.wants_answer() {
            return;
        }
        if let Err(error) = received.respond_bytes(answer).await {
            tracing::debug!(%error, "an answer was not sent; who asked does so again");
        }
    }

    async fn publish(&self, received: &Received) -> Result<events::PublishedView, Problem> {
        let Some(org) = org_of(received) else {
            return Err(Problem::new(Code::UnknownOrg, "the subject ends in no name of an org"));
        };
        if received.size() > REQUEST_BODY_BYTES {
            return Err(Problem::new(Code::BodyTooLarge, format!("a message may have {REQUEST_BODY_BYTES} bytes")));
        }
        let mut events = events::read(body::parse(received.bytes())?, &org)?;
        if let Some(id) = received.header(ID_HEADER) {
            let usable = !id.is_empty() && id.len() <= CALLER_KEY_BYTES && !id.chars().any(char::is_control);
            if !usable {
                let wrong =
                    format!("the header {ID_HEADER} may have 1 to {CALLER_KEY_BYTES} bytes without control characters");
                return Err(Problem::new(Code::InvalidHeader, wrong));
            }
            events::identify(&mut events, id.to_owned(), ID_HEADER)?;
        }
        let trace = received.trace().filter(|trace| trace::is_well_formed(trace)).map(ToOwned::to_owned);
        for event in &mut events {
            event.trace.clone_from(&trace);
        }
        let names = events.iter().map(|event| (event.name.clone(), event.id.clone())).collect();
        let published = self.events.publish(events).await?;
        Ok(events::PublishedView::new(names, published))
    }
}

fn org_of(received: &Received) -> Option<Org> {
    received.subject().rsplit('.').next().and_then(|token| Org::new(token.to_owned()).ok())
}
