use piton::prelude::*;

#[function]
async fn greet(name: &str) -> Result<String> {
    Ok(name.to_owned())
}

fn main() {}
