//! Patterns as RE2 reads them: their classes are those of ASCII.

/// The pattern with `\d`, `\s`, `\w`, `\b` and their opposites written out, as they are in RE2. Everything else is the same in
/// both, as far as both have it.
pub(super) fn ascii(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    // Brackets within each other: a class may contain one that has a name.
    let mut classes = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) => escape(&mut written, escaped, classes > 0),
                None => written.push('\\'),
            },
            // Within a class RE2 takes a bracket for itself, but for the class of a name, `[:alpha:]`.
            '[' if classes > 0 && characters.clone().next() != Some(':') => written.push_str(r"\["),
            '[' => {
                classes += 1;
                written.push('[');
                // A bracket that closes at once stands for itself.
                let mut next = characters.clone();
                if next.next() == Some('^') {
                    written.push('^');
                    characters = next;
                }
                let mut next = characters.clone();
                if next.next() == Some(']') {
                    written.push(']');
                    characters = next;
                }
            }
            ']' => {
                classes = classes.saturating_sub(1);
                written.push(']');
            }
            other => written.push(other),
        }
    }
    written
}

fn escape(written: &mut String, escaped: char, in_class: bool) {
    let class = match escaped {
        'd' | 'D' => "0-9",
        's' | 'S' => r"\t\n\f\r ",
        'w' | 'W' => "0-9A-Za-z_",
        'b' if !in_class => return written.push_str(r"(?-u:\b)"),
        other => {
            written.push('\\');
            return written.push(other);
        }
    };
    match (escaped.is_ascii_uppercase(), in_class) {
        (false, true) => written.push_str(class),
        (false, false) => written.extend(["[", class, "]"]),
        (true, _) => written.extend(["[^", class, "]"]),
    }
}
