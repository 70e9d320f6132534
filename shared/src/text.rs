//! Text that is shown to people and must not grow without bound.

/// Cuts `text` to about `bytes` bytes at a character's border; says so where it was cut.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes);
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn cuts_at_a_characters_border() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("aü", 2), "a… (3 bytes in all)");
    }
}
