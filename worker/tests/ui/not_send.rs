use std::rc::Rc;

use piton::prelude::*;

#[function]
async fn count() -> Result<u64> {
    let counter = Rc::new(1);
    std::future::ready(()).await;
    Ok(*counter)
}

fn main() {}
