//! Workflows as users write them, through the replay machine and the registry that the runtime uses.

mod batches;
mod beside;
mod driver;
mod inputs;
mod runs;
mod shop;
mod state;
mod store;

use driver::End;
use piton_shared::{codec, journal::Payload};
use serde::Serialize;
use serde_json::Value;

fn decoded(end: &End) -> Value {
    match &end {
        End::Ended(Ok(payload)) => codec::to_json(payload).expect("it was encoded"),
        End::Ended(Err(_)) | End::Parked(_) | End::Waiting => panic!("{end:?}"),
    }
}

fn encoded(value: &impl Serialize) -> Payload {
    codec::encode(value).expect("a plain value encodes")
}
