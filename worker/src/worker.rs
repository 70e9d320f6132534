//! The worker: definitions, resources and options put together and checked.

use std::{
    any::{TypeId, type_name},
    collections::{HashMap, btree_map::Entry},
    fmt,
    net::SocketAddr,
    sync::Arc,
};

use piton_shared::name::{NameError, check_definition};

use crate::{
    options::{OptionsError, WorkerOptions},
    registry::{Register, RegisteredFunction, RegisteredWorkflow, Registration, Registry},
};

/// A process that runs workflows and executes functions.
///
/// ```
/// use piton::prelude::*;
///
/// #[function]
/// async fn greet(name: String) -> Result<String> {
///     Ok(format!("Hello, {name}!"))
/// }
///
/// #[workflow]
/// async fn welcome(ctx: &WorkflowContext, name: String) -> Result<String> {
///     Ok(ctx.step(greet(name)).await?)
/// }
///
/// # fn main() -> Result<(), piton::BuildError> {
/// let worker = Worker::builder().register(greet).register(welcome).build()?;
/// assert_eq!(worker.registry().workflow_names().collect::<Vec<_>>(), ["welcome"]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Worker {
    registry: Arc<Registry>,
    options: WorkerOptions,
}

impl Worker {
    /// Begins one, with the default options.
    pub fn builder() -> WorkerBuilder {
        WorkerBuilder::default()
    }

    /// What it can do.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How it is set up.
    pub fn options(&self) -> &WorkerOptions {
        &self.options
    }
}

/// Puts a [`Worker`] together. What is wrong is kept and told by [`build`](Self::build), all at once.
#[derive(Debug, Default)]
#[must_use = "nothing is checked or started until `.build()`"]
pub struct WorkerBuilder {
    registry: Registry,
    given: HashMap<TypeId, &'static str>,
    options: WorkerOptions,
    problems: Vec<Problem>,
}

impl WorkerBuilder {
    /// Sets it up.
    pub fn options(mut self, options: WorkerOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets it up by the variables `PITON_…`, see [`WorkerOptions::from_env`].
    pub fn options_from_env(mut self) -> Self {
        match WorkerOptions::from_env() {
            Ok(options) => self.options = options,
            Err(error) => self.problems.push(Problem::Options(error)),
        }
        self
    }

    /// Serves its metrics and its health over HTTP there, see [`WorkerOptions::metrics_address`]. Say it after
    /// [`options`](Self::options) and [`options_from_env`](Self::options_from_env), which set up everything.
    pub fn metrics_address(mut self, address: SocketAddr) -> Self {
        self.options.metrics_address = Some(address);
        self
    }

    /// Adds a function or workflow: the item that an attribute stands on.
    pub fn register<Inputs, Item: Register<Inputs>>(mut self, _item: Item) -> Self {
        match Item::registration() {
            Registration::Function(function) => self.add_function(function),
            Registration::Workflow(workflow) => self.add_workflow(workflow),
        }
        self
    }

    /// Gives it a resource, which functions take as [`Resource<T>`](crate::Resource).
    pub fn resource<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_resource(Arc::new(value))
    }

    /// Gives it a resource that is shared already, such as an `Arc<dyn Mailer>` for `Resource<dyn Mailer>`.
    pub fn shared_resource<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        let resource = type_name::<T>();
        if self.given.insert(TypeId::of::<T>(), resource).is_some() {
            self.problems.push(Problem::ResourceTwice { resource });
        }
        self.registry.resources = std::mem::take(&mut self.registry.resources).with_shared(value);
        self
    }

    /// What it was told so far.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What it listens on so far.
    pub(crate) fn queues(&self) -> &[piton_shared::name::Queue] {
        &self.options.queues
    }

    /// What is wrong so far. Resources that are lacking are not among it.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Gives it a resource in place of one of the same type.
    pub(crate) fn with_resource<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.registry.resources = std::mem::take(&mut self.registry.resources).with_shared(value);
        self
    }

    /// Checks that everything fits together.
    ///
    /// # Errors
    ///
    /// All that is wrong: a function takes a resource that was not given, two definitions have one name, a
    /// name is none, a variable of the environment cannot be used.
    pub fn build(mut self) -> Result<Worker, BuildError> {
        for function in self.registry.functions.values() {
            for need in function.needs() {
                if !self.registry.resources.has(need) {
                    self.problems.push(Problem::ResourceMissing {
                        function: function.name(),
                        path: function.path(),
                        resource: need.type_name,
                    });
                }
            }
        }
        if self.options.queues.is_empty() {
            self.problems.push(Problem::NoQueue);
        }
        if self.problems.is_empty() {
            Ok(Worker { registry: Arc::new(self.registry), options: self.options })
        } else {
            Err(BuildError { problems: self.problems })
        }
    }

    fn add_function(&mut self, function: RegisteredFunction) {
        let (name, path) = (function.name(), function.path());
        self.check_name(name, path);
        match self.registry.functions.entry(name) {
            Entry::Vacant(place) => {
                place.insert(function);
            }
            Entry::Occupied(place) => {
                let first = place.get().path();
                self.problems.push(Problem::NameTwice { what: "functions", name, first, second: path });
            }
        }
    }

    fn add_workflow(&mut self, workflow: RegisteredWorkflow) {
        let (name, path) = (workflow.name(), workflow.path());
        self.check_name(name, path);
        match self.registry.workflows.entry(name) {
            Entry::Vacant(place) => {
                place.insert(workflow);
            }
            Entry::Occupied(place) => {
                let first = place.get().path();
                self.problems.push(Problem::NameTwice { what: "workflows", name, first, second: path });
            }
        }
    }

    fn check_name(&mut self, name: &'static str, path: &'static str) {
        if let Err(source) = check_definition(name) {
            self.problems.push(Problem::Name { path, source });
        }
    }
}

/// Why a worker cannot start: everything that is wrong, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    /// What is wrong, in the order it was found. Never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the worker cannot start")?;
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
            let mut below = std::error::Error::source(problem);
            while let Some(source) = below {
                write!(f, ": {source}")?;
                below = source.source();
            }
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// One thing that keeps a worker from starting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A function takes a resource that was not given.
    #[error(
        "function `{function}` ({path}) takes `Resource<{resource}>`, which was not given: add it with `.resource(…)`"
    )]
    ResourceMissing {
        /// The function's wire name.
        function: &'static str,
        /// Its Rust path.
        path: &'static str,
        /// The type that is missing.
        resource: &'static str,
    },
    /// A resource was given twice.
    #[error("`Resource<{resource}>` was given twice: functions know it by its type, so wrap one in a type of its own")]
    ResourceTwice {
        /// Its type.
        resource: &'static str,
    },
    /// Two definitions have one name.
    #[error(
        "two {what} are called `{name}`: {first} and {second}; give one another name with `name = \"…\"`, or register it once"
    )]
    NameTwice {
        /// Functions or workflows.
        what: &'static str,
        /// The name.
        name: &'static str,
        /// The Rust path of the one registered first.
        first: &'static str,
        /// The Rust path of the other.
        second: &'static str,
    },
    /// A definition's name is none.
    #[error("{path} needs another name: `name = \"…\"`")]
    Name {
        /// Its Rust path.
        path: &'static str,
        /// What a name may not be.
        source: NameError,
    },
    /// No queue to take work from.
    #[error("a worker takes work from at least one queue: set `queues`, or leave the default")]
    NoQueue,
    /// A variable of the environment cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
}
