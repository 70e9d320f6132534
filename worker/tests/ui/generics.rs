use piton::prelude::*;

#[function]
async fn generic<T>(value: T) -> Result<T> {
    Ok(value)
}

#[function]
async fn lifetime<'a>(value: std::borrow::Cow<'a, str>) -> Result<String> {
    Ok(value.into_owned())
}

#[function]
async fn argument(value: impl ToString) -> Result<String> {
    Ok(value.to_string())
}

#[function]
async fn result() -> Result<impl ToString> {
    Ok(1)
}

fn main() {}
