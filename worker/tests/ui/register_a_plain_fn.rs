use piton::prelude::*;

async fn plain(number: u64) -> Result<u64> {
    Ok(number)
}

#[function]
async fn add(left: u64, right: u64) -> Result<u64> {
    Ok(left + right)
}

fn main() {
    let _ = Worker::builder().register(plain);
    let _ = Worker::builder().register(add(1, 2));
}
