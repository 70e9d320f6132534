//! State of runs and of sessions.

use crate::stack::{Stack, Start};

pub(crate) async fn what_was_written_is_read_again(stack: &dyn Stack) {
    let told = stack.run(Start::of("remembers", ())).await;
    assert_eq!(told.result::<(Option<u64>, Option<u64>, u64)>(), (None, Some(7), 14));
    let again = stack.run(Start::of("remembers", ())).await;
    assert_eq!(again.result::<(Option<u64>, Option<u64>, u64)>().0, None, "another run has its own");
}

pub(crate) async fn a_session_outlives_its_runs(stack: &dyn Stack) {
    let mut seen = Vec::new();
    for session in ["ada", "ada", "bob", "ada"] {
        seen.push(stack.run(Start::of("visits", ()).session(session)).await.result::<u64>());
    }
    assert_eq!(seen, [1, 2, 1, 3]);
}

pub(crate) async fn a_conditional_write_loses_to_another_version(stack: &dyn Stack) {
    assert_eq!(stack.run(Start::of("conditional", ())).await.result::<(bool, bool)>(), (true, false));
}
