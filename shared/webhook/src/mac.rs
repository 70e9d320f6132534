//! Message authentication codes: made, and compared in a time that does not depend on where they differ.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};

/// Base64 as it comes, with its padding or without.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The hash under a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for providers that have nothing better. As a code it is still sound.
    Sha1,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha512, Self::Sha1];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha1 => "sha1",
        }
    }
}

/// How a code is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    Hex,
    /// Base64, with its padding or without.
    Base64,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 2] = [Self::Hex, Self::Base64];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    pub(crate) fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => BASE64.decode(text).ok(),
        }
    }

    pub(crate) fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
        }
    }
}

/// A code that was computed once, to be compared with each of several.
enum Code {
    Sha256(Hmac<sha2::Sha256>),
    Sha512(Hmac<sha2::Sha512>),
    Sha1(Hmac<sha1::Sha1>),
}

fn fed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("a code takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn code(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Code {
    match algorithm {
        Algorithm::Sha256 => Code::Sha256(fed(key, parts)),
        Algorithm::Sha512 => Code::Sha512(fed(key, parts)),
        Algorithm::Sha1 => Code::Sha1(fed(key, parts)),
    }
}

/// Whether one of these is the code of the parts under the key. Each is compared in constant time; one of another length
/// is none.
pub(crate) fn any_matches(algorithm: Algorithm, key: &[u8], parts: &[&[u8]], given: &[Vec<u8>]) -> bool {
    let code = code(algorithm, key, parts);
    given.iter().any(|given| match &code {
        Code::Sha256(mac) => mac.clone().verify_slice(given).is_ok(),
        Code::Sha512(mac) => mac.clone().verify_slice(given).is_ok(),
        Code::Sha1(mac) => mac.clone().verify_slice(given).is_ok(),
    })
}

/// The code of the parts under the key.
pub(crate) fn make(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match code(algorithm, key, parts) {
        Code::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
        Code::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        Code::Sha1(mac) => mac.finalize().into_bytes().to_vec(),
    }
}
