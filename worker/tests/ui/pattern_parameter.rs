use piton::prelude::*;

#[function]
async fn add((left, right): (u64, u64)) -> Result<u64> {
    Ok(left + right)
}

#[function]
async fn ignore(_: u64) -> Result<u64> {
    Ok(1)
}

fn main() {}
