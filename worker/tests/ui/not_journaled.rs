use piton::prelude::*;

struct Opaque;

#[function]
async fn one(opaque: Opaque) -> Result<()> {
    drop(opaque);
    Ok(())
}

#[function]
async fn several(opaque: Opaque, number: u64) -> Result<u64> {
    drop(opaque);
    Ok(number)
}

#[function]
async fn output() -> Result<Opaque> {
    Ok(Opaque)
}

fn main() {}
