//! What the plans do besides steps and timers.

use piton_shared::{
    codec::{self, DecodeError},
    failure::StepError,
    message::{
        batch::{BatchItem, BatchTerms, OnFailure},
        read::More,
        state::{StateScope, StateValue},
    },
    replay::{Access, Scope, StepOptions},
};

use super::plan::{encode, mix};

/// The session's counter.
pub(super) const COUNTER: &str = "counter";

pub(super) fn terms() -> BatchTerms {
    BatchTerms {
        function: "fails0".to_owned(),
        queue: None,
        item: StepOptions::default(),
        max_concurrency: 2,
        on_failure: OnFailure::Continue,
    }
}

/// Reads all results in their order.
pub(super) async fn batch(scope: Scope, items: u32, input: u64) -> Result<u64, StepError> {
    let source = (0..items).map(move |item| Ok(BatchItem { id: None, input: encode(input.wrapping_add(item.into())) }));
    let (key, summary) = scope.batch("many", terms(), Box::new(source)).await?;
    assert_eq!((summary.total, summary.completed), (items, items));
    let (mut value, mut after) = (0, 0);
    while after < items {
        let page = scope.fetch(key.clone(), after).await;
        for result in page.results {
            after += 1;
            assert_eq!(result.item, after, "pages come in their order");
            let outcome = result.outcome.expect("it was executed").expect("it succeeds");
            value = mix(value, codec::decode(&outcome).expect("a number"));
        }
        assert_eq!(page.more == More::Follows, after < items);
    }
    Ok(value)
}

/// Writes under a name of its own branch, so that it reads what it wrote.
pub(super) async fn keep(scope: Scope, input: u64) -> Result<u64, StepError> {
    let name = format!("kept/{}", scope.path());
    let written = scope.state(StateScope::Run, name.clone(), Access::Set(Some(encode(input))), number_of).await?;
    let read = scope.state(StateScope::Run, name, Access::Get, number_of).await?;
    assert_eq!((written.0, read.0), (input, input));
    assert_eq!(written.1, read.1, "nothing ran between");
    Ok(read.0)
}

pub(super) async fn count(scope: Scope) -> Result<(), StepError> {
    let add = |value: Option<&[u8]>| Ok(encode(value.map_or(0, |value| codec::decode(value).expect("a number")) + 1));
    scope.update(StateScope::Session, COUNTER, Box::new(add), number_of).await.map(|_| ())
}

pub(super) async fn count_if(scope: Scope) -> Result<(), StepError> {
    let (mut value, mut expected) = scope.state(StateScope::Session, COUNTER, Access::Get, number_of).await?;
    loop {
        let access = Access::SetIf { value: Some(encode(value + 1)), expected };
        let written = |payload: &[u8]| Ok((number_of(payload)?, codec::is_contested(payload)?));
        let ((stands, version), contested) = scope.state(StateScope::Session, COUNTER, access, written).await?;
        if !contested {
            return Ok(());
        }
        (value, expected) = (stands, version);
    }
}

fn number_of(payload: &[u8]) -> Result<(u64, i64), DecodeError> {
    let StateValue { value, version } = codec::unversioned(payload)?;
    let value = value.map_or(Ok(0), |value| codec::decode(&value))?;
    Ok((value, version))
}
