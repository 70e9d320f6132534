//! What a worker refuses to start with, and functions by themselves.

use std::sync::Arc;

use piton::prelude::*;

struct Stripe;

#[function(name = "billing.charge_card")]
async fn charge_card(stripe: Resource<Stripe>, cents: u64) -> Result<u64> {
    let Stripe = *stripe;
    Ok(cents)
}

#[function]
async fn ship() -> Result<()> {
    Ok(())
}

mod v1 {
    use piton::prelude::*;

    #[function]
    pub(crate) async fn ship() -> Result<()> {
        Ok(())
    }

    /// Refers to itself, as recursive definitions do.
    #[function]
    pub(crate) async fn countdown(ctx: &FunctionContext, n: u64) -> Result<u64> {
        match n {
            0 => Ok(0),
            n => Ok(1 + countdown(n - 1).run_direct(ctx, &Resources::new()).await?),
        }
    }
}

#[tokio::test]
async fn a_definition_may_refer_to_itself() {
    let context = FunctionContext::for_test();
    assert_eq!(v1::countdown(9).run_direct(&context, &Resources::new()).await, Ok(9));
}

#[test]
fn a_worker_that_lacks_something_does_not_start_and_says_all_that_is_wrong() {
    let error = Worker::builder()
        .register(charge_card)
        .register(ship)
        .register(v1::ship)
        .register(v1::countdown)
        .resource(1_u8)
        .resource(2_u8)
        .build()
        .expect_err("a resource is missing, and a name is taken twice");
    let text = error.to_string();
    assert_eq!(error.problems().len(), 3, "{text}");
    for part in [
        "function `billing.charge_card` (worker::charge_card) takes `Resource<worker::Stripe>`, which was not given: add it with `.resource(…)`",
        "two functions are called `ship`: worker::ship and worker::v1::ship; give one another name",
        "`Resource<u8>` was given twice",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

trait Mailer: Send + Sync {
    fn send(&self, text: &str) -> String;
}

struct Paper;

impl Mailer for Paper {
    fn send(&self, text: &str) -> String {
        format!("{text} on paper")
    }
}

#[function]
async fn mail(mailer: Resource<dyn Mailer>, text: String) -> Result<String> {
    Ok(mailer.send(&text))
}

#[tokio::test]
async fn a_resource_may_be_a_trait_object_and_a_function_is_tested_alone() {
    let mailer: Arc<dyn Mailer> = Arc::new(Paper);
    assert!(Worker::builder().shared_resource(Arc::clone(&mailer)).register(mail).build().is_ok());

    let context = FunctionContext::for_test();
    let resources = Resources::new().with_shared(mailer);
    assert_eq!(mail("hello".into()).run_direct(&context, &resources).await, Ok("hello on paper".into()));
    let failure = mail("hello".into()).run_direct(&context, &Resources::new()).await.expect_err("no mailer");
    assert!(failure.message.contains("Resource<dyn worker::Mailer>"), "{}", failure.message);
}
