use std::cell::Cell;

use piton::prelude::*;

struct Database;

#[function]
async fn lent(database: &Resource<Database>) -> Result<()> {
    Ok(())
}

#[function]
async fn not_shared(counter: Resource<Cell<u64>>) -> Result<()> {
    counter.set(1);
    Ok(())
}

mod elsewhere {
    use piton::{function, prelude::Result};

    pub struct Resource<T>(pub T);

    #[function]
    async fn not_ours(resource: Resource<u64>) -> Result<u64> {
        Ok(resource.0)
    }
}

fn main() {}
