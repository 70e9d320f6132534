use piton::prelude::*;

#[function]
async fn length(name: String) -> usize {
    name.len()
}

#[function]
async fn nothing(name: String) {
    drop(name);
}

fn main() {}
