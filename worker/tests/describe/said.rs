use piton::prelude::*;
use piton::{JsonSchema, Uuid};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Silent {
    id: u64,
}

/// Who signed up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
struct User {
    /// Ours.
    id: Uuid,
    email: String,
}

type Maybe<T> = Option<T>;

/// Greets somebody.
///
///     with an indented line
#[function]
async fn greet(ctx: &FunctionContext, name: String, title: Maybe<String>) -> Result<String> {
    let _ = ctx;
    Ok(format!("{title:?} {name}"))
}

#[function]
async fn silent(input: Silent) -> Result<Silent> {
    Ok(input)
}

#[doc = concat!("Made ", "by a macro.")]
#[workflow(
    name = "users.welcome",
    triggers(
        event("user.signed_up"),
        event("order.*", filter = "event.data.total > 100", input = "{'order': event.data}"),
        webhook("stripe", event = "payment_intent.succeeded"),
        webhook("github", endpoint = "ci", input = envelope),
        cron(
            "0 9 * * *",
            tz = "Europe/Berlin",
            name = "daily",
            overlap = "skip",
            catch_up = "all",
            jitter = "30s",
            input = r#"{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "email": "a@b.c"}"#
        ),
    )
)]
async fn welcome(ctx: &WorkflowContext, user: User) -> Result<()> {
    let _ = (ctx, user);
    Ok(())
}

#[workflow(triggers(cron("@hourly")))]
async fn tick(ctx: &WorkflowContext) -> Result<u32> {
    let _ = ctx;
    Ok(1)
}

#[test]
fn definitions_say_what_stands_in_the_code() {
    let worker =
        Worker::builder().register(greet).register(silent).register(welcome).register(tick).build().expect("it fits");
    let registry = worker.registry();
    let functions = ["greet", "silent"].map(|name| registry.function(name).expect("it is there").definition());
    let workflows = ["users.welcome", "tick"].map(|name| registry.workflow(name).expect("it is there").definition());
    insta::assert_debug_snapshot!((functions, workflows));
}
