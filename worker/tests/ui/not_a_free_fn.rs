use piton::prelude::*;

struct Till;

impl Till {
    #[function]
    async fn count(&self) -> Result<u64> {
        Ok(1)
    }
}

#[function]
struct Coin;

fn main() {}
