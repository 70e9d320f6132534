//! What this worker says of its functions and workflows, in pages that fit into messages.

use piton_shared::{
    codec::wire,
    limits,
    message::{
        define::{Define, Definition},
        read::More,
    },
    name::Queue,
    time::Timestamp,
};

use crate::{RegisteredFunction, RegisteredWorkflow, Worker};

/// Bytes of a page's definitions; what stands around them is small.
const PAGE_BYTES: usize = limits::MESSAGE_BYTES - 16 * 1024;

/// Everything it says, of a process that started then.
pub(super) fn pages(worker: &Worker, since: Timestamp) -> Vec<Define> {
    let registry = worker.registry();
    let functions =
        registry.function_names().filter_map(|name| registry.function(name)).map(RegisteredFunction::definition);
    let workflows =
        registry.workflow_names().filter_map(|name| registry.workflow(name)).map(RegisteredWorkflow::definition);
    let options = worker.options();
    let mut pages: Vec<_> = cut(functions.chain(workflows))
        .into_iter()
        .map(|definitions| Define {
            org: options.org.clone(),
            build: options.build.clone(),
            queue: options.queues.first().cloned().unwrap_or(Queue::DEFAULT),
            since,
            definitions,
            more: More::Follows,
        })
        .collect();
    if let Some(last) = pages.last_mut() {
        last.more = More::End;
    }
    pages
}

/// Cuts them into pages. One that is too large for any page has a page of its own, and is refused when that is sent.
fn cut(definitions: impl Iterator<Item = Definition>) -> Vec<Vec<Definition>> {
    let mut pages: Vec<Vec<Definition>> = Vec::new();
    let mut room = 0;
    for definition in definitions {
        let bytes = wire::encode(&definition).map_or(usize::MAX, |encoded| encoded.len());
        match pages.last_mut() {
            Some(page) if bytes <= room && page.len() < limits::DEFINITIONS_PAGE => {
                page.push(definition);
                room -= bytes;
            }
            Some(_) | None => {
                pages.push(vec![definition]);
                room = PAGE_BYTES.saturating_sub(bytes);
            }
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use piton_shared::message::define::DefinitionKind;

    use super::*;

    fn definition(name: &str, description: usize) -> Definition {
        Definition {
            kind: DefinitionKind::Function,
            name: name.to_owned(),
            description: "x".repeat(description),
            parameters: Vec::new(),
            input_schema: "true".to_owned(),
            output_schema: "true".to_owned(),
            triggers: Vec::new(),
        }
    }

    #[test]
    fn pages_are_bounded_by_number_and_by_bytes() {
        let sizes = |bytes: &[usize]| {
            let pages = cut(bytes.iter().map(|bytes| definition("f", *bytes)));
            pages.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[0; 20]), [8, 8, 4]);
        assert_eq!(sizes(&[PAGE_BYTES / 2; 3]), [1, 1, 1]);
        assert_eq!(sizes(&[PAGE_BYTES / 3; 4]), [2, 2]);
        assert_eq!(sizes(&[0, 2 * PAGE_BYTES, 0, 0]), [1, 1, 2]);
    }
}
