//! Who may ask what: the org of the subject, which the permissions of NATS confine, counts, and the message must agree with it.

use piton_shared::{
    ids::WorkerId,
    message::{
        Answer, Refusal,
        append::Appends,
        claim::{Alone, Claim, HandBack},
        define::Define,
        dispatch::{ClaimSteps, Finish},
        read::{Read, ReadStep},
        worker::{Heartbeat, Leave, Register},
    },
    name::Org,
};
use piton_transport::Received;

use super::{Desk, refuse, respond};

/// Who a message says it is from.
pub(super) enum From<'a> {
    /// A worker that is registered, or was.
    Worker(WorkerId),
    /// An org.
    Org(&'a Org),
}

/// A message of a worker.
pub(super) trait Signed {
    fn from(&self) -> From<'_>;
}

macro_rules! signed_by_worker {
    ($($message:ty),+ $(,)?) => {
        $(impl Signed for $message {
            fn from(&self) -> From<'_> {
                From::Worker(self.worker)
            }
        })+
    };
}

signed_by_worker!(Heartbeat, Leave, Claim, HandBack, Alone, Appends, Read, ClaimSteps, Finish, ReadStep);

macro_rules! signed_by_org {
    ($($message:ty),+ $(,)?) => {
        $(impl Signed for $message {
            fn from(&self) -> From<'_> {
                From::Org(&self.org)
            }
        })+
    };
}

signed_by_org!(Register, Define);

impl Desk {
    /// The org that a request came for. A request that may not be answered, or names no org, is dropped or refused here.
    pub(super) async fn org_of(&self, received: &Received) -> Option<Org> {
        let org = received.subject().rsplit('.').next().and_then(|token| Org::new(token.to_owned()).ok());
        let Some(org) = org else {
            let wrong = "the subject ends in no name of an org".to_owned();
            refuse(received, Refusal::Invalid(wrong)).await;
            return None;
        };
        match received.reply() {
            Some(reply) if self.bus.subjects().may_answer(&org, reply) => Some(org),
            Some(_) | None => {
                tracing::warn!(
                    subject = received.subject(),
                    %org,
                    "a request was dropped: it asks for its answer on a subject that is no inbox of its org"
                );
                None
            }
        }
    }

    /// Whether whoever sent a message is who the subject says; if not, it is refused here.
    pub(super) async fn admits(&self, org: &Org, message: &impl Signed, received: &Received) -> bool {
        let refusal = match message.from() {
            From::Org(said) if said == org => return true,
            From::Org(said) => {
                Refusal::Invalid(format!("the message is of the org `{said}` and came on the subject of `{org}`"))
            }
            From::Worker(worker) => match self.orgs.of(worker).await {
                // What was never registered has nothing: the statement will not find it either.
                Ok(None) => return true,
                Ok(Some(its)) if its == *org => return true,
                // Not more than that: whether there is such a worker is the other org's business.
                Ok(Some(_)) => Refusal::UnknownWorker,
                Err(error) => {
                    respond(received, &Answer::<()>::Unavailable { reason: error.to_string() }).await;
                    return false;
                }
            },
        };
        tracing::warn!(subject = received.subject(), %org, "a message was refused: it is not of the org of its subject");
        refuse(received, refusal).await;
        false
    }
}
