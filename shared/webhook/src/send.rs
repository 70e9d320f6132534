//! A delivery as a provider would send it.

/// What is to be signed as the provider does.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The delivery's id, where a header has it.
    pub id: &'a str,
    /// The event's name, where a header has it.
    pub event: &'a str,
    /// When it is signed, in seconds since 1970.
    pub at: i64,
    /// The body as it is sent.
    pub body: &'a [u8],
}
