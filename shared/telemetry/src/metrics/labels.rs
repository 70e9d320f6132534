//! What series differ by.

use piton_shared::subject::Method;

/// A label whose values are known.
pub trait Label: Copy + PartialEq + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Every value.
    const ALL: &'static [Self];
    /// The value as text.
    fn as_str(self) -> &'static str;
}

macro_rules! label {
    (
        $(#[$doc:meta])* $name:ident as $label:literal {
            $($(#[$value_doc:meta])* $value:ident = $text:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$value,)+];
            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }
    };
}

label! {
    /// What is committed in groups.
    Group as "group" {
        /// Starts of runs.
        Intake = "intake",
        /// Journal rows.
        Append = "append",
        /// Journal rows with state or with items of batches.
        AppendApart = "append_apart",
        /// Turns of batches: items given away, ends.
        Batch = "batch",
        /// Claims of runs.
        Claim = "claim",
        /// Claims of dispatched work.
        ClaimSteps = "claim_steps",
        /// Events that are published.
        Events = "events",
        /// Ends of dispatched work.
        Finish = "finish",
        /// Heartbeats of workers.
        Heartbeat = "heartbeat",
        /// Rows of runs that callers read.
        Look = "look",
    }
}

label! {
    /// What an event that is published came to.
    Accepted as "outcome" {
        /// It is new.
        New = "new",
        /// It was known, and is not taken again.
        Repeated = "repeated",
    }
}

label! {
    /// What a trigger made of an event that it means.
    Matched as "outcome" {
        /// A run.
        Started = "started",
        /// No run: its filter, its input or its workflow's schema refused, on record with the event.
        Refused = "refused",
        /// No match: the filter asks for something that the event does not have.
        Lacking = "lacking",
    }
}

label! {
    /// What a claim came to.
    ClaimOutcome as "outcome" {
        /// The worker holds the run.
        Granted = "granted",
        /// Another publish or attempt counts, or the run has ended.
        Stale = "stale",
    }
}

label! {
    /// What became of an occurrence of a schedule.
    FiringOutcome as "outcome" {
        /// It started a run.
        Started = "started",
        /// It was left out: the last run goes on.
        Skipped = "skipped",
        /// It was due while nobody looked.
        Missed = "missed",
        /// It waits for the end of the last run.
        Queued = "queued",
        /// It could not start a run.
        Refused = "refused",
    }
}

label! {
    /// What an append came to.
    AppendOutcome as "outcome" {
        /// All of it is in the journal, now or before.
        Accepted = "accepted",
        /// A key was there already; the winner was sent.
        Already = "already",
        /// The attempt does not hold the run any more.
        Fenced = "fenced",
        /// A bound or a rule was broken.
        Refused = "refused",
        /// The database is away, or too much waits.
        Unavailable = "unavailable",
    }
}

label! {
    /// What the end of a hold on dispatched work came to.
    FinishOutcome as "outcome" {
        /// The step's outcome is journaled.
        Done = "done",
        /// It is tried again.
        Again = "again",
        /// It goes to another worker.
        Returned = "returned",
        /// It waits a moment for a worker that has its function.
        Lacking = "lacking",
        /// The hold does not count any more.
        Fenced = "fenced",
        /// It can never be written.
        Refused = "refused",
        /// The database is away, or too much waits.
        Unavailable = "unavailable",
    }
}

label! {
    /// What a request over NATS came to.
    RequestOutcome as "outcome" {
        /// It was answered with what was asked for.
        Done = "done",
        /// It was refused: the message or what it asks for is invalid.
        Refused = "refused",
        /// Not now, said the other side.
        Unavailable = "unavailable",
        /// Nobody listens.
        NoResponders = "no_responders",
        /// No answer in time.
        TimedOut = "timed_out",
        /// No connection.
        Disconnected = "disconnected",
    }
}

label! {
    /// What publishing a task came to.
    PublishOutcome as "outcome" {
        /// It is in the stream.
        Stored = "stored",
        /// The stream is full.
        Full = "full",
        /// It is not known to be there.
        Failed = "failed",
    }
}

label! {
    /// What is tried again.
    Retried as "what" {
        /// A function.
        Step = "step",
        /// A statement or transaction.
        Commit = "commit",
        /// A request over NATS.
        Request = "request",
        /// A task's publish.
        Publish = "publish",
    }
}

label! {
    /// What a sweep found overdue and put right.
    Swept as "what" {
        /// Tasks published anew.
        Republished = "republished",
        /// Runs requeued that a live worker did not know.
        Requeued = "requeued",
        /// Leases ended.
        LeasesEnded = "leases_ended",
        /// Runs taken out of the backlog.
        Released = "released",
        /// Events matched that had not been when they were accepted.
        EventsMatched = "events_matched",
        /// Runs and steps that a worker has registered for which has their workflow or function.
        Served = "served",
        /// Rows removed whose time was over.
        Forgotten = "forgotten",
    }
}

label! {
    /// What became of a webhook's delivery.
    Delivered as "outcome" {
        /// It became an event.
        Accepted = "accepted",
        /// It had become an event before.
        Repeated = "repeated",
        /// The endpoint does not take such events.
        Filtered = "filtered",
        /// The provider wanted to see a text back.
        Challenge = "challenge",
        /// The provider tried whether somebody is there.
        Ping = "ping",
        /// The endpoint is paused.
        Paused = "paused",
        /// It was verified and does not read.
        Unreadable = "unreadable",
        /// It was not verified.
        Refused = "refused",
        /// Its body is too large.
        TooLarge = "too_large",
        /// Its body is of a type that the provider does not send.
        WrongType = "wrong_type",
        /// There is no such endpoint.
        Unknown = "unknown",
        /// It has to come again.
        Unavailable = "unavailable",
    }
}

label! {
    /// How a run leaves the hands of workers for good, or for now.
    Ending as "outcome" {
        /// With a result.
        Completed = "completed",
        /// With a failure.
        Failed = "failed",
        /// After a cancel.
        Cancelled = "cancelled",
        /// By a kill.
        Killed = "killed",
        /// It needs a person; it may go on.
        Parked = "parked",
    }
}

label! {
    /// What one try of a function came to.
    StepOutcome as "outcome" {
        /// A result.
        Completed = "completed",
        /// An error.
        Failed = "failed",
        /// It took too long.
        TimedOut = "timed_out",
        /// It panicked.
        Panicked = "panicked",
        /// It was dropped: cancel, kill, withdrawal, or the end of the lease.
        Dropped = "dropped",
    }
}

impl Label for Method {
    const NAME: &'static str = "method";
    const ALL: &'static [Self] = &Self::ALL;
    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }
}
