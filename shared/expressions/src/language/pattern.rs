//! Patterns as RE2 reads them: their classes are those of ASCII.

/// The pattern with `\d`, `\s`, `\w`, `\b` and the opposites of the first three written out, as they are in RE2, and with what Rust
/// takes for operations on sets (`[a&&b]`, `[a--b]`, `[a~~b]`) as the plain characters that they are there. Everything else is
/// the same in both, as far as both have it, but for `\B`: that is where RE2's `\b` is not, and where Rust's own is not here, whose
/// words have letters of all scripts.
pub(super) fn ascii(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    // Brackets within each other: a class may contain one that has a name.
    let mut classes = 0_usize;
    let mut place = Place::Start;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escaped = characters.next();
                match escaped {
                    Some(escaped) => escape(&mut written, escaped, classes > 0),
                    None => written.push('\\'),
                }
                place = match escaped {
                    Some('d' | 'D' | 's' | 'S' | 'w' | 'W') => Place::Start,
                    Some(_) | None => place.after(),
                };
            }
            // Within a class RE2 takes a bracket for itself, but for the class of a name, `[:alpha:]`.
            '[' if classes > 0 && characters.clone().next() != Some(':') => {
                written.push_str(r"\[");
                place = place.after();
            }
            '[' => {
                classes += 1;
                place = Place::Start;
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
                    place = Place::Low;
                }
            }
            ']' => {
                classes = classes.saturating_sub(1);
                place = Place::Start;
                written.push(']');
            }
            '-' if classes == 1 && place == Place::Low && characters.clone().next() != Some(']') => {
                written.push('-');
                place = Place::High;
            }
            '-' | '&' | '~' if classes == 1 => {
                written.extend(['\\', character]);
                place = place.after();
            }
            other => {
                written.push(other);
                place = place.after();
            }
        }
    }
    written
}

/// Where the next character of a class stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It begins something.
    Start,
    /// Behind one that may begin a range.
    Low,
    /// It ends a range.
    High,
}

impl Place {
    /// Behind a character that stands here.
    fn after(self) -> Self {
        match self {
            Self::Start | Self::Low => Self::Low,
            Self::High => Self::Start,
        }
    }
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
