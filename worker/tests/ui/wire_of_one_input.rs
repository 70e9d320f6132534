use piton::prelude::*;

#[function]
async fn one(#[serde(default)] number: u64) -> Result<u64> {
    Ok(number)
}

fn main() {}
