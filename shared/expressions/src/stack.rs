//! A stack on which the parser and the interpreter have room.
//!
//! Both go down a level of calls for each bracket and operator, and the parser's levels are large: a dozen brackets use up the
//! two megabytes that threads of a runtime have, which would end the process. So they run on a thread with a stack of their
//! own, whose memory is taken as it is used, and what may be written is bounded so that it fits there.

use std::{io, thread};

const BYTES: usize = 64 * 1024 * 1024;

/// Shows that there is room.
#[derive(Debug)]
pub struct DeepStack(());

/// Does some work, which may block, where there is room for expressions.
///
/// # Errors
/// When the system has no thread left.
pub fn on_deep_stack<R: Send>(work: impl FnOnce(&DeepStack) -> R + Send) -> io::Result<R> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("expressions".into()).stack_size(BYTES);
        let running = thread.spawn_scoped(scope, || work(&DeepStack(())))?;
        running.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}
