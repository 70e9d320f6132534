//! Every kind of error that the API answers with.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, as a word that never changes. The documentation of each is its page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in an answer's `code`.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The code of a word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.word() == word)
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// What happened, in a few words that are the same each time.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// Why it happens and what to do, line by line as it stands in the code.
            const fn page(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n"),+)),+ }
            }
        }
    };
}

impl Code {
    /// Why it happens and what to do, in sentences.
    pub fn text(self) -> String {
        self.page().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The address of its page, below the scheduler's own.
    pub fn address(self) -> String {
        format!("/errors/{}", self.word())
    }
}

codes! {
    /// The body is no JSON, or an object in it names a member twice. The answer says in which line and column reading
    /// stopped. Send one JSON value in UTF-8, without a byte order mark.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not JSON";
    /// The id in the path is no UUID, or no name that a session can have. Ids are given out by Piton; take it from the
    /// answer that named the run or key.
    InvalidId = "invalid_id", BAD_REQUEST, "The id is not a UUID";
    /// A parameter after the `?` is unknown, appears twice, or has a value it cannot have. The answer names it. Cursors
    /// are to be taken from an answer and sent back unchanged, to the same address.
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A query parameter is wrong";
    /// A header has a value it cannot have. The answer names it.
    InvalidHeader = "invalid_header", BAD_REQUEST, "A header is wrong";
    /// The connection broke before the whole body had arrived. Nothing was done. Send it again.
    IncompleteBody = "incomplete_body", BAD_REQUEST, "The body did not arrive whole";
    /// The request has no API key, or one that is unknown, expired or revoked. Send `Authorization: Bearer pk_…`. Make a key
    /// with `piton key create NAME`; the first one with `--database-url` or `PITON_DATABASE_URL`.
    Unauthorized = "unauthorized", UNAUTHORIZED, "An API key is needed";
    /// The delivery was not signed with a secret of this endpoint, or too long ago. Nothing was started. Why is told to the
    /// endpoint's owner only: `piton webhook deliveries NAME --verdict refused`.
    WebhookRefused = "webhook_refused", UNAUTHORIZED, "The delivery was not verified";
    /// The API key is good, but lacks the scope that this request needs; the answer names it. Use another key, or create one
    /// with that scope: `piton key create NAME --scope SCOPE`.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "The API key lacks a scope";
    /// The org was disabled by whoever runs the installation. Runs that were accepted go on where workers are left; nothing new
    /// starts. `piton org enable NAME` enables it again.
    OrgDisabled = "org_disabled", FORBIDDEN, "The org is disabled";
    /// This scheduler takes requests without a key, and therefore only those that come from this machine by its own
    /// names. A web page of another origin, or a foreign name that resolves to this machine, is refused.
    ForeignOrigin = "foreign_origin", FORBIDDEN, "Without keys only this machine is served";
    /// There is nothing at this address. What there is stands at `/v1/openapi.json`, and to be read at `/reference`.
    UnknownRoute = "unknown_route", NOT_FOUND, "There is nothing at this address";
    /// There is no such run in the org of the key that was used. Ids are not shared between orgs.
    UnknownRun = "unknown_run", NOT_FOUND, "There is no such run";
    /// There is no such batch in the org of the key that was used. A batch that a workflow made is found by its run and
    /// its key there.
    UnknownBatch = "unknown_batch", NOT_FOUND, "There is no such batch";
    /// There is no schedule of that name in the org of the key that was used. `GET /v1/schedules` lists those that are there.
    UnknownSchedule = "unknown_schedule", NOT_FOUND, "There is no such schedule";
    /// There is no such event in the org of the key that was used. Events are kept for a week, and so is what they started
    /// on record; the runs themselves stay.
    UnknownEvent = "unknown_event", NOT_FOUND, "There is no such event";
    /// There is no such trigger in the org of the key that was used. One that was declared beside its workflow gets a new id
    /// when it is declared otherwise.
    UnknownTrigger = "unknown_trigger", NOT_FOUND, "There is no such trigger";
    /// No worker has said anything of such a workflow or function in the org of the key that was used. `GET
    /// /v1/definitions` lists those that are known.
    UnknownDefinition = "unknown_definition", NOT_FOUND, "There is no such definition";
    /// There is no such key in this org, or it was revoked before.
    UnknownKey = "unknown_key", NOT_FOUND, "There is no such key";
    /// There is no endpoint for webhooks at this address, or none of this id or name in this org. `GET /v1/webhooks` lists
    /// those that are there, each with its address.
    UnknownWebhook = "unknown_webhook", NOT_FOUND, "There is no such webhook";
    /// The endpoint has no such secret, or it was removed before.
    UnknownSecret = "unknown_secret", NOT_FOUND, "There is no such secret";
    /// Nothing of this id arrived in this org, or it is so long ago that it was forgotten.
    UnknownDelivery = "unknown_delivery", NOT_FOUND, "There is no such delivery";
    /// The address exists and does not take this method. The `Allow` header says which it takes.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The address does not take this method";
    /// The client did not send the whole body in time. Nothing was done. Send it again.
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    /// The idempotency key was used within its window by another request: with another workflow, input, queue, build, session
    /// or delay, or another function, items or terms of a batch. Tags and waiting are not compared. The answer names the run
    /// that holds the key. Use a new key for what is new, or the same request for what is a repetition.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "The idempotency key belongs to another start";
    /// A trigger that is declared beside its workflow can only be paused and resumed by the API: the next deploy would take back
    /// everything else. Change it where it is declared, or pause it and make another. What no worker declares any more is deleted
    /// with `force=true`.
    TriggerDeclared = "trigger_declared", CONFLICT, "The trigger is declared beside its workflow";
    /// The org has as many triggers as the API may make for it. Remove some, or declare them beside their workflows.
    TooManyTriggers = "too_many_triggers", CONFLICT, "The org has too many triggers";
    /// The run has ended, so it can be neither cancelled nor killed. The answer says how it ended.
    RunEnded = "run_ended", CONFLICT, "The run has ended";
    /// Only a run that is parked or paused can be resumed. The answer says where the run stands.
    RunNotParked = "run_not_parked", CONFLICT, "The run is neither parked nor paused";
    /// The org has an endpoint of this name. Remove that one first, or take another name.
    WebhookExists = "webhook_exists", CONFLICT, "There is a webhook of this name";
    /// The endpoint has as many good secrets as it can have. Remove one that is not used any more.
    TooManySecrets = "too_many_secrets", CONFLICT, "There are too many secrets";
    /// Another schedule of the org has that name and does something else. The answer says what to do: change that one, or take
    /// another name.
    ScheduleExists = "schedule_exists", CONFLICT, "The schedule's name is taken";
    /// The schedule is declared beside its workflow. It is changed there and with the next deployment; a change here would be gone
    /// with that. It can be paused, resumed and triggered here. What no worker declares any more is deleted with `force=true`.
    ScheduleDeclared = "schedule_declared", CONFLICT, "The schedule is declared beside its workflow";
    /// The org has as many schedules as it may. Delete some.
    ScheduleLimit = "schedule_limit", CONFLICT, "The org has too many schedules";
    /// What the request would change does not stand any more as its `If-Match` has it: somebody else changed it, or it changed by
    /// itself, as a schedule does when it fires. Nothing was done. Get it again, and decide anew.
    ChangedMeanwhile = "changed_meanwhile", PRECONDITION_FAILED, "It was changed meanwhile";
    /// The body is larger than the scheduler takes. Keep large data elsewhere and pass its address.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// A body must say `Content-Type: application/json`, and no content encoding. What GitHub and Slack send to a webhook may
    /// also be a form, `application/x-www-form-urlencoded`.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is not declared as JSON";
    /// A field is missing, unknown, or has a value it cannot have. The answer's `errors` name each by its JSON pointer.
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "A field is wrong";
    /// The workflow, or the function of a batch, does not take this input: its types say so. The answer's `errors` name
    /// each field by its JSON pointer. `GET /v1/definitions/workflow/{name}` says what it takes. Nothing was started, made or changed.
    InvalidInput = "invalid_input", UNPROCESSABLE_ENTITY, "The input does not fit";
    /// The input cannot be stored as a payload: it is larger or nested deeper than a payload may be. The answer says
    /// which field is to blame.
    InvalidPayload = "invalid_payload", UNPROCESSABLE_ENTITY, "The input cannot be stored";
    /// The request was well formed, but the database refused a value in it. Nothing was stored.
    UnacceptableValue = "unacceptable_value", UNPROCESSABLE_ENTITY, "A value cannot be stored";
    /// The delivery was verified, and no event can be made of it. The answer and the endpoint's record say why.
    UnreadableDelivery = "unreadable_delivery", UNPROCESSABLE_ENTITY, "The delivery is no event";
    /// The run's journal is larger than an export may be. Read it page by page at `/v1/runs/{id}/journal`.
    ExportTooLarge = "export_too_large", UNPROCESSABLE_ENTITY, "The run is too large to be exported";
    /// The org of this request does not exist. Nothing was started.
    UnknownOrg = "unknown_org", UNPROCESSABLE_ENTITY, "There is no such org";
    /// A mistake of ours. The scheduler's log has the cause under the request's id. Whether the request took effect is
    /// not known: look before you repeat it, or repeat it with the same idempotency key.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The scheduler made a mistake";
    /// The database is away. Runs that were accepted are safe and go on when it is back. Repeat the request after the
    /// seconds in `Retry-After`; a start with the same idempotency key, since it may have been accepted before the
    /// connection broke.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The database is away";
    /// The endpoint is paused. Nothing was started. The provider is to send the delivery again.
    WebhookPaused = "webhook_paused", SERVICE_UNAVAILABLE, "The webhook is paused";
    /// The scheduler has as many requests under way as it takes. Nothing was done. Repeat the request after the seconds
    /// in `Retry-After`, or add a scheduler.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The scheduler is busy";
    /// The database took longer for this list than it may. Narrow it: with a session, a tag, a state or a workflow, with
    /// `created_after` and `created_before`, or with a smaller `limit`. Nothing was changed.
    ListTooLong = "list_too_long", GATEWAY_TIMEOUT, "The list took too long";
    /// The answer took too long. Whether the request took effect is not known: look before you repeat it, or repeat it
    /// with the same idempotency key.
    TimedOut = "timed_out", GATEWAY_TIMEOUT, "The answer took too long";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_word_of_its_own_and_a_page() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.text().ends_with('.'), "{}", code.word());
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
