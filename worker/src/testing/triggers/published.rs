//! What came of an event.

use std::{fmt, sync::Arc};

use piton_shared::time::Timestamp;

use crate::{
    Register,
    definition::{Definition, Journaled, Workflow},
    testing::{TestRun, drive::Driven},
};

/// What came of an event: the runs that it started, and what it did not start.
///
/// Its `Display` tells all of it, and panics of this type show it.
#[derive(Debug, Clone)]
#[must_use = "an event that started nothing says so here only"]
pub struct Published {
    pub(super) novelty: Novelty,
    pub(super) came: Arc<Came>,
}

/// Whether an event was published before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// It was not, and is now.
    New,
    /// It was: nothing was started, and what is told is what came of the first.
    Repeated,
}

/// An event that matches what a workflow declares, and starts nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The workflow's wire name.
    pub workflow: String,
    /// Why, as the event's record in a scheduler has it.
    pub reason: String,
}

#[derive(Debug)]
pub(super) struct Came {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) accepted_at: Timestamp,
    pub(super) runs: Vec<(String, Driven)>,
    pub(super) refused: Vec<Refused>,
    pub(super) lacking: u64,
}

impl Published {
    /// Whether it is new.
    pub fn novelty(&self) -> Novelty {
        self.novelty
    }

    /// Its id: the publisher's, or the engine's where the publisher said none.
    pub fn id(&self) -> &str {
        &self.came.id
    }

    /// Its name; of a webhook's event, the one that was made for it.
    pub fn name(&self) -> &str {
        &self.came.name
    }

    /// When it was accepted, on the virtual clock.
    pub fn accepted_at(&self) -> Timestamp {
        self.came.accepted_at
    }

    /// The wire names of the workflows of which it started a run, in their order. Each is there once.
    pub fn started(&self) -> Vec<&str> {
        self.came.runs.iter().map(|(workflow, _)| workflow.as_str()).collect()
    }

    /// The run that it started of this workflow: `published.run(signup)`.
    ///
    /// # Panics
    ///
    /// When it started none: the message says what came of it instead.
    #[track_caller]
    pub fn run<Inputs, Item>(&self, _workflow: Item) -> TestRun<<Item::Defined as Definition>::Output>
    where
        Item: Register<Inputs>,
        Item::Defined: Workflow,
    {
        self.run_named(Item::Defined::NAME)
    }

    /// The same by wire name and with any result.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn run_named<T: Journaled>(&self, workflow: &str) -> TestRun<T> {
        let found = self.came.runs.iter().find(|(name, _)| name == workflow);
        let Some((_, driven)) = found else { panic!("no run of `{workflow}` was started: {self}") };
        TestRun::of(driven.clone())
    }

    /// What its matches did not start, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.came.refused
    }

    /// Filters that asked for something that the event does not have: no match, which is worth a look where one was
    /// expected.
    pub fn lacking(&self) -> u64 {
        self.came.lacking
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Came { id, name, runs, refused, lacking, .. } = &*self.came;
        write!(f, "event `{name}` with the id `{id}` ")?;
        if self.novelty == Novelty::Repeated {
            f.write_str("was published before; it ")?;
        }
        match self.started().as_slice() {
            [] => f.write_str("started nothing")?,
            some => write!(f, "started `{}`", some.join("`, `"))?,
        }
        for Refused { workflow, reason } in refused {
            write!(f, "\n`{workflow}` was not started: {reason}")?;
        }
        if *lacking > 0 {
            write!(f, "\nfilters that ask for something that it does not have: {lacking}")?;
        }
        if runs.is_empty() && refused.is_empty() && *lacking == 0 {
            f.write_str(": no trigger of the registered workflows matches it")?;
        }
        Ok(())
    }
}
