//! The shape of a strict user's crate: what the attributes leave must not trip any lint, nor clash with what
//! the user calls their own things.
#![deny(missing_docs, unused, dead_code, unreachable_pub, nonstandard_style, rust_2018_idioms, trivial_bounds)]
#![deny(clippy::all, clippy::pedantic, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
#![forbid(unsafe_code)]

/// Exported definitions, with their documents, one to a module.
pub mod billing {
    use piton::prelude::*;

    /// Charges so many cents.
    ///
    /// # Errors
    ///
    /// When the card is declined.
    #[function(name = "billing.charge", retries = 3, timeout = "1m", try_timeout = "10s", queue = "default")]
    pub async fn charge(cents: u64) -> Result<u64> {
        Ok(cents)
    }
}

/// Names of the user's that the expansion uses as well.
pub mod hostile {
    use serde::{Deserialize, Serialize};

    /// A user's own.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Definition {
        /// A field.
        pub body: u64,
    }

    /// Not a resource of ours.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Resource;

    /// Words that the expansion would say.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    pub enum Option {
        /// None.
        Some,
    }

    type Result<T, E = std::num::ParseIntError> = std::result::Result<T, E>;
    type Call = u8;
    type Vec = u16;
    type String = u64;

    fn body(definition: &Definition) -> u64 {
        definition.body
    }

    fn context() -> Call {
        1
    }

    /// Takes what shadows.
    #[piton::function]
    pub async fn shadows(
        resource: Resource,
        input: Definition,
        resources: Option,
        registration: Vec,
        call: String,
    ) -> Result<u64> {
        let Resource = resource;
        let Option::Some = resources;
        let text: &str = "1";
        let one: u64 = text.parse()?;
        Ok(body(&input) + one + u64::from(context()) + u64::from(registration) + call)
    }
}

/// Results of every spelling.
pub mod results {
    use piton::prelude::*;

    /// An alias without parameters.
    pub type Done = std::result::Result<u8, std::io::Error>;

    /// The alias.
    #[function]
    pub async fn alias() -> Done {
        Ok(1)
    }

    /// With a path.
    #[function]
    pub async fn io() -> std::io::Result<u8> {
        Ok(1)
    }

    /// By anyhow.
    #[function]
    pub async fn anyhow(text: String) -> anyhow::Result<u8> {
        Ok(text.parse()?)
    }

    /// Boxed.
    #[function]
    pub async fn boxed() -> std::result::Result<u8, Box<dyn std::error::Error + Send + Sync>> {
        Err("no")?
    }

    /// With nothing to say.
    #[function]
    pub async fn unit() -> Result<()> {
        Ok(())
    }

    /// Spread over its tries.
    #[workflow]
    pub async fn all(ctx: &WorkflowContext) -> Result<u8> {
        ctx.step(unit()).await?;
        let boxed = ctx.step(boxed()).await.unwrap_or_default();
        let anyhow = ctx.step(anyhow("1".into())).await?;
        Ok(ctx.step(alias()).await? + ctx.step(io()).await? + boxed + anyhow)
    }
}

/// Parameters of every kind, in any order.
pub mod parameters {
    use std::collections::HashMap;

    use piton::prelude::*;

    /// Resources and context between inputs, a mutable one, a raw name.
    #[function(crate = "piton")]
    pub async fn mixed(
        mut first: u64,
        db: Resource<HashMap<String, u64>>,
        ctx: &FunctionContext,
        r#type: String,
        names: piton::Resource<Vec<String>>,
        #[serde(default)] _later: Option<u8>,
    ) -> Result<u64> {
        first += db.get(&r#type).copied().unwrap_or_default() + names.len() as u64;
        Ok(first + u64::from(ctx.try_number()))
    }

    /// The most there may be.
    #[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "twelve, to see that they go")]
    #[function]
    pub async fn twelve(
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
    ) -> Result<u8> {
        Ok(a + b + c + d + e + f + g + h + i + j + k + l)
    }

    /// A context by its path.
    #[workflow]
    pub async fn by_path(input: String, _ctx: &piton::WorkflowContext) -> Result<String> {
        Ok(input)
    }
}

/// A definition made by a macro, and one inside a function.
pub mod made {
    use piton::prelude::*;

    macro_rules! adder {
        ($name:ident, $by:literal, $of:ty) => {
            /// Adds.
            #[function]
            pub async fn $name(to: $of) -> Result<$of> {
                Ok(to + $by)
            }
        };
    }
    adder!(add_one, 1, u64);
    adder!(add_two, 2, u64);

    /// Knows a function that nobody else does.
    #[workflow]
    pub async fn hides(ctx: &WorkflowContext, n: u64) -> Result<u64> {
        #[function]
        async fn hidden(n: u64, m: u64) -> Result<u64> {
            Ok(n + m)
        }
        // A local called like a function.
        let add_one = ctx.step(add_one(n)).await?;
        Ok(ctx.step(hidden(add_one, ctx.step(add_two(1)).await?)).await?)
    }

    /// For the worker of these tests only.
    #[cfg(test)]
    #[function]
    pub async fn tested() -> Result<()> {
        Ok(())
    }

    /// Not there at all.
    #[function]
    #[cfg(any())]
    pub async fn absent() -> Result<Missing> {
        Ok(())
    }
}

// One `use` brings the call and the registration.
/// Verbs, in the words of a user who calls things as their expansion does.
pub mod verbs {
    use piton::prelude::*;

    /// Not the one that `gather!` makes.
    pub struct Gathered;

    /// Doubles.
    #[function]
    pub async fn double(number: u64) -> Result<u64> {
        Ok(number * 2)
    }

    /// Reads one field of two.
    #[workflow]
    pub async fn gathers(ctx: &WorkflowContext) -> Result<u64> {
        let (v0, fields) = (1, 2);
        let own = |_: Gathered| double(fields);
        let data = gather!(ctx, v0: double(v0), gathered: own(Gathered), context: block(ctx)).await?;
        let nested = gather!(ctx.clone(), one: ctx.branch("one", async move |ctx: WorkflowContext| {
            Ok(gather!(ctx, two: double(2),).await?.two)
        }))
        .await?;
        Ok(data.v0 + nested.one)
    }

    fn block(ctx: &WorkflowContext) -> piton::Block<u64> {
        ctx.branch("block", async |_: WorkflowContext| Ok(1))
    }
}

use billing::charge;
use piton::{FunctionContext, Resources, Worker};

#[test]
fn everything_registers_once() -> Result<(), piton::BuildError> {
    let worker = Worker::builder()
        .resource(std::collections::HashMap::<String, u64>::new())
        .resource(Vec::<String>::new())
        .register(charge)
        .register(hostile::shadows)
        .register(results::alias)
        .register(results::io)
        .register(results::anyhow)
        .register(results::boxed)
        .register(results::unit)
        .register(results::all)
        .register(parameters::mixed)
        .register(parameters::twelve)
        .register(parameters::by_path)
        .register(made::add_one)
        .register(made::add_two)
        .register(made::hides)
        .register(made::tested)
        .register(verbs::double)
        .register(verbs::gathers)
        .build()?;
    assert_eq!(worker.registry().workflow_names().collect::<Vec<_>>(), ["all", "by_path", "gathers", "hides"]);
    assert!(worker.registry().function("billing.charge").is_some());
    Ok(())
}

#[tokio::test]
async fn the_bodies_are_the_users_own() {
    let context = FunctionContext::for_test_try(2, 3);
    let resources =
        Resources::new().with(std::collections::HashMap::from([("x".to_owned(), 10_u64)])).with(vec!["n".to_owned()]);
    let mixed = parameters::mixed(1, "x".into(), None).run_direct(&context, &resources).await;
    assert_eq!(mixed, Ok(1 + 10 + 1 + 2));
    let shadows = hostile::shadows(hostile::Resource, hostile::Definition { body: 5 }, hostile::Option::Some, 3, 4)
        .run_direct(&context, &resources)
        .await;
    assert_eq!(shadows, Ok(5 + 1 + 1 + 3 + 4));
    let twelve = parameters::twelve(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).run_direct(&context, &resources);
    assert_eq!(twelve.await, Ok(12));
}
