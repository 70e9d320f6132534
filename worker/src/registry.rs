//! What a worker can do, by wire name: typed definitions, erased.

use std::{any::type_name, collections::BTreeMap, fmt};

use piton_shared::{
    failure::Failure,
    journal::{Payload, StepKey},
    message::define::{self, DefinitionKind},
    parked::Parked,
    replay::{Scope, StepOptions},
};

use crate::{
    BoxFuture, FunctionContext, Result, WorkflowContext,
    call::Call,
    definition::{Defaults, Definition, Function, Journaled, Workflow},
    describe::Description,
    resource::{Need, Resources},
    workflow_context::Run,
};

/// What a function ends with, encoded.
pub type Ended = BoxFuture<'static, Result<Payload, Failure>>;

/// A workflow's body that only lacks its scope: what a replay machine is made of.
pub type Body = Box<dyn FnOnce(Scope) -> Ended + Send>;

/// A function as the runtime sees it.
#[derive(Clone)]
pub struct RegisteredFunction {
    name: &'static str,
    path: &'static str,
    defaults: Defaults,
    needs: Vec<Need>,
    describe: fn() -> Description,
    call: fn(FunctionContext, Resources, &[u8]) -> Ended,
}

impl RegisteredFunction {
    /// Its wire name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is defined: its Rust path, for people.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// What its attribute says about its steps.
    pub fn options(&self) -> StepOptions {
        self.defaults.options()
    }

    /// The resources it takes.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// What is said of it to schedulers.
    pub fn definition(&self) -> define::Definition {
        (self.describe)().definition(DefinitionKind::Function, self.name)
    }

    /// One try. An input that today's type cannot read, and a result that cannot be journaled, are permanent
    /// failures; a panic is the caller's to catch.
    pub fn call(&self, context: FunctionContext, resources: &Resources, input: &[u8]) -> Ended {
        (self.call)(context, resources.clone(), input)
    }
}

/// A workflow as the runtime sees it.
#[derive(Clone, Copy)]
pub struct RegisteredWorkflow {
    name: &'static str,
    path: &'static str,
    describe: fn() -> Description,
    body: fn(Run, &[u8]) -> Result<Body, Parked>,
}

impl RegisteredWorkflow {
    /// Its wire name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is defined: its Rust path, for people.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// What is said of it to schedulers: its inputs, its result, what starts it.
    pub fn definition(&self) -> define::Definition {
        (self.describe)().definition(DefinitionKind::Workflow, self.name)
    }

    /// The body of a run, for [`Machine::new`](piton_shared::replay::Machine::new).
    ///
    /// # Errors
    ///
    /// [`Parked::Undecodable`] at `input` where today's type cannot read the run's input.
    pub fn body(&self, run: Run, input: &[u8]) -> Result<Body, Parked> {
        (self.body)(run, input)
    }
}

/// A definition on its way into a registry.
#[derive(Clone)]
pub enum Registration {
    /// By `#[function]`.
    Function(RegisteredFunction),
    /// By `#[workflow]`.
    Workflow(RegisteredWorkflow),
}

impl Registration {
    /// Erases a function.
    pub fn function<F: Function>() -> Self {
        Self::Function(RegisteredFunction {
            name: F::NAME,
            path: path::<F>(),
            defaults: F::DEFAULTS,
            needs: F::needs(),
            describe: F::describe,
            call: call_function::<F>,
        })
    }

    /// Erases a workflow.
    pub fn workflow<W: Workflow>() -> Self {
        Self::Workflow(RegisteredWorkflow {
            name: W::NAME,
            path: path::<W>(),
            describe: W::describe,
            body: body_of::<W>,
        })
    }
}

/// The user's name of a definition: the struct that an attribute makes stands inside the function.
fn path<D: Definition>() -> &'static str {
    let path = type_name::<D>();
    path.rsplit_once("::").map_or(path, |(function, _)| function)
}

fn call_function<F: Function>(context: FunctionContext, resources: Resources, input: &[u8]) -> Ended {
    let input = F::Input::decode(input);
    Box::pin(async move {
        let input = input.map_err(|error| {
            Failure::from(error).context(format!("the input of `{}` cannot be read", F::NAME)).into_permanent()
        })?;
        encode_result::<F>(&F::call(context, resources, input).await?)
    })
}

fn body_of<W: Workflow>(run: Run, input: &[u8]) -> Result<Body, Parked> {
    let input = W::Input::decode(input)
        .map_err(|error| Parked::Undecodable { key: StepKey::new("input"), message: error.to_string() })?;
    Ok(Box::new(move |scope| {
        let outer = scope.clone();
        let body = W::call(WorkflowContext::new(scope, run), input);
        Box::pin(async move {
            match body.await?.encode() {
                Ok(result) => Ok(result),
                Err(error) => {
                    let message = format!("the result of `{}` cannot be journaled: {error}", W::NAME);
                    outer.park(Parked::Limit { message });
                    std::future::pending().await
                }
            }
        })
    }))
}

/// A result as it is journaled.
pub(crate) fn encode_result<D: Definition>(result: &D::Output) -> Result<Payload> {
    result.encode().map_err(|error| {
        Failure::from(error).context(format!("the result of `{}` cannot be journaled", D::NAME)).into_permanent()
    })
}

/// What `#[function]` and `#[workflow]` leave under the name they stand on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a function nor a workflow",
    label = "put `#[function]` or `#[workflow]` on it",
    note = "pass the item itself: `.register(charge_card)`, not a call of it"
)]
pub trait Register<Inputs> {
    /// What stands behind the name.
    #[doc(hidden)]
    type Defined: Definition;

    /// What it is called with: nothing, the one value, or a tuple.
    #[doc(hidden)]
    type Arguments: 'static;

    #[doc(hidden)]
    fn registration() -> Registration;
}

macro_rules! register {
    ($arguments:ty: $($input:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<Item, D: Definition, $($input: 'static),*> Register<(D, $($input,)*)> for Item
        where
            Item: Fn($($input),*) -> Call<D>,
        {
            type Defined = D;
            type Arguments = $arguments;

            fn registration() -> Registration {
                D::registration()
            }
        }
    };
}

register!((): );
register!(A: A);
register!((A, B): A B);
register!((A, B, C): A B C);
register!((A, B, C, E): A B C E);
register!((A, B, C, E, F): A B C E F);
register!((A, B, C, E, F, G): A B C E F G);
register!((A, B, C, E, F, G, H): A B C E F G H);
register!((A, B, C, E, F, G, H, I): A B C E F G H I);
register!((A, B, C, E, F, G, H, I, J): A B C E F G H I J);
register!((A, B, C, E, F, G, H, I, J, K): A B C E F G H I J K);
register!((A, B, C, E, F, G, H, I, J, K, L): A B C E F G H I J K L);
register!((A, B, C, E, F, G, H, I, J, K, L, M): A B C E F G H I J K L M);

/// The functions, workflows and resources of one worker. Checked when it was built, never changed after.
#[derive(Clone, Default)]
pub struct Registry {
    pub(crate) functions: BTreeMap<&'static str, RegisteredFunction>,
    pub(crate) workflows: BTreeMap<&'static str, RegisteredWorkflow>,
    pub(crate) resources: Resources,
}

impl Registry {
    /// The function of this wire name.
    pub fn function(&self, name: &str) -> Option<&RegisteredFunction> {
        self.functions.get(name)
    }

    /// The workflow of this wire name.
    pub fn workflow(&self, name: &str) -> Option<&RegisteredWorkflow> {
        self.workflows.get(name)
    }

    /// The wire names of all functions, sorted.
    pub fn function_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.functions.keys().copied()
    }

    /// The wire names of all workflows, sorted.
    pub fn workflow_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.workflows.keys().copied()
    }

    /// What its functions are given.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("functions", &self.functions.keys())
            .field("workflows", &self.workflows.keys())
            .field("resources", &self.resources)
            .finish()
    }
}
