use std::fmt;

/// The version of a server, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 15 of Postgres 15.4, 2 of NATS 2.9.10.
    pub major: u32,
    /// 4 of Postgres 15.4, 9 of NATS 2.9.10.
    pub minor: u32,
}

impl Version {
    /// The version in what a program prints when asked for it: the first word that starts with a digit, after an
    /// optional `v`. `None` if there is no such word.
    pub(crate) fn in_banner(banner: &str) -> Option<Self> {
        banner.split_whitespace().find_map(Self::of_word)
    }

    fn of_word(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let (major, rest) = leading_number(word)?;
        // A beta has no minor: "18beta1".
        let minor = rest.strip_prefix('.').and_then(leading_number).map_or(0, |(minor, _)| minor);
        Some(Self { major, minor })
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn reads_what_the_servers_print() {
        for (banner, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some((15, 18))),
            ("postgres (PostgreSQL) 18beta2", Some((18, 0))),
            ("postgres (PostgreSQL) 17.0", Some((17, 0))),
            ("nats-server: v2.9.10", Some((2, 9))),
            ("nats-server: v2.12.0-RC.1\n", Some((2, 12))),
            ("nothing of the kind", None),
            ("", None),
        ] {
            let expected = expected.map(|(major, minor)| Version { major, minor });
            assert_eq!(Version::in_banner(banner), expected, "{banner}");
        }
    }

    #[test]
    fn compares_numbers_and_not_texts() {
        assert!(Version { major: 2, minor: 9 } < Version { major: 2, minor: 10 });
        assert!(Version { major: 9, minor: 6 } < Version { major: 14, minor: 0 });
    }
}
