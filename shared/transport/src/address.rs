//! The URL of NATS: the servers in it, and whoever it says one is.

use async_nats::ServerAddr;

use crate::{auth::Credentials, error::ConnectError};

/// Schemes that can be used; the others of NATS are web sockets, which this build does not speak.
const SCHEMES: [&str; 2] = ["nats", "tls"];

/// What a URL comes to: servers without what was secret in it.
pub(crate) struct Address {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) credentials: Option<Credentials>,
}

/// A URL of NATS as it may be logged: without user, password and token.
pub fn shown_url(url: &str) -> String {
    let shown = url.split(',').map(|part| match parse(part) {
        Ok(server) => {
            let part = part.trim();
            match (part.find("://"), part.rfind('@')) {
                (Some(scheme), Some(at)) => format!("{}{}", &part[..scheme + 3], &part[at + 1..]),
                (None, Some(at)) => part[at + 1..].to_owned(),
                (_, None) if server.username().is_none() => part.to_owned(),
                (_, None) => "(not readable)".to_owned(),
            }
        }
        Err(_) => "(not readable)".to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// Checks a URL of NATS without connecting: one URL, or several of one cluster with commas between them.
///
/// # Errors
///
/// [`ConnectError::Options`], whose text shows no secret.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    read(url).map(drop)
}

pub(crate) fn read(url: &str) -> Result<Address, ConnectError> {
    let mut servers = Vec::new();
    let mut credentials: Option<Credentials> = None;
    for (place, part) in url.split(',').enumerate() {
        let wrong = |why: &str| ConnectError::Options {
            what: "the URL",
            reason: format!("server {} of `{}` {why}", place + 1, shown_url(url)),
        };
        let server = parse(part).map_err(|_| {
            wrong("is none: write `nats://HOST:PORT` or `tls://HOST:PORT`, and `%2C` for a comma in a password")
        })?;
        if !SCHEMES.contains(&server.scheme()) {
            return Err(wrong("has a scheme that cannot be used: write `nats://` or `tls://`"));
        }
        if server.host().is_empty() {
            return Err(wrong("has no host"));
        }
        match (said(&server).map_err(&wrong)?, &credentials) {
            (Some(found), Some(before)) if found != *before => {
                return Err(wrong(
                    "has another user, password or token than the one before: all servers of a cluster know the same",
                ));
            }
            (Some(found), _) => credentials = Some(found),
            (None, _) => {}
        }
        servers.push(without_user(server).ok_or_else(|| wrong("has a user that cannot be read"))?);
    }
    Ok(Address { servers, credentials })
}

fn parse(part: &str) -> Result<ServerAddr, std::io::Error> {
    part.trim().parse()
}

/// Who the URL of one server says one is: `user:password@` or `token@`, as all clients of NATS read it.
fn said(server: &ServerAddr) -> Result<Option<Credentials>, &'static str> {
    const ENCODING: &str = "has a user, password or token that is not percent-encoded UTF-8";
    let decoded = |text: &str| decode(text).ok_or(ENCODING);
    match (server.username(), server.password()) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("has a password and no user"),
        (Some(token), None) => Ok(Some(Credentials::Token(decoded(token)?))),
        (Some(user), Some(password)) => {
            Ok(Some(Credentials::Password { user: decoded(user)?, password: decoded(password)? }))
        }
    }
}

fn without_user(server: ServerAddr) -> Option<ServerAddr> {
    let mut url = server.into_inner();
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    ServerAddr::from_url(url).ok()
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn a_url_says_who_one_is() {
        for (url, expected) in [
            ("nats://h:1", None),
            ("h", None),
            ("nats://u:p@h:1", Some(password("u", "p"))),
            ("nats://u:p%40%2C%2f%25@h", Some(password("u", "p@,/%"))),
            ("tls://secret@h", Some(Credentials::Token("secret".to_owned()))),
            ("secret@h:1", Some(Credentials::Token("secret".to_owned()))),
            ("nats://u:p@a, nats://u:p@b, nats://c", Some(password("u", "p"))),
            ("nats://a,nats://u:p@b", Some(password("u", "p"))),
        ] {
            let address = read(url).expect(url);
            assert_eq!(address.credentials, expected, "{url}");
            for server in address.servers {
                assert_eq!((server.username(), server.password()), (None, None), "{url}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_shows_no_secret() {
        for url in [
            "",
            "nats://",
            "nats://u:hush@a,nats://u:other@b",
            "nats://:hush@a",
            "nats://u:hush%ff@a",
            "nats://u:hush%2@a",
            "nats://u:hush,hush@a",
            "ws://u:hush@a",
            "http://u:hush@a",
            "nats://a,",
            "nats://u:hush@",
        ] {
            let error = read(url).err().unwrap_or_else(|| panic!("{url} cannot be used"));
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        assert_eq!(shown_url("nats://u:p@h:1,tls://h2:2"), "nats://h:1,tls://h2:2");
        assert_eq!(shown_url("hush@h:1"), "h:1");
        assert!(!shown_url("nats://u:hush,ush@h").contains("ush"), "{}", shown_url("nats://u:hush,ush@h"));
    }
}
