//! What an expression sees.

use cel::Context;
use serde_json::Value;

use crate::{
    cost::Size,
    language::LANGUAGE,
    stack::DeepStack,
    value::{size, to_cel},
};

/// One event, for every expression that is asked about it.
pub struct EventScope {
    pub(crate) context: Context<'static, 'static>,
    pub(crate) size: Size,
}

impl EventScope {
    /// The scope whose variable `event` is this; stays where there is room to evaluate in.
    pub fn new(_room: &DeepStack, event: &Value) -> Self {
        let mut context = Context::with_env(LANGUAGE.clone());
        context.add_variable_from_value("event", to_cel(event));
        Self { context, size: size(event) }
    }
}
