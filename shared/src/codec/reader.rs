//! Reads `MessagePack` value by value, without recursion.

use super::error::DecodeError;
use crate::limits;

/// One value, or the head of one that has others inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Boolean(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    Single(f32),
    Double(f64),
    String(&'a str),
    Binary(&'a [u8]),
    Array(u32),
    Map(u32),
}

/// What may stand as a map's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Only what JSON can represent.
    Json,
    /// Any value.
    Any,
}

/// What [`check`] holds bytes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    bytes: usize,
    strictness: Strictness,
}

impl Bounds {
    pub(super) const PAYLOAD: Self = Self { bytes: limits::PAYLOAD_BYTES, strictness: Strictness::Json };
    pub(super) const MESSAGE: Self = Self { bytes: limits::MESSAGE_BYTES, strictness: Strictness::Any };
}

/// Where the reading stands.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn length8(&mut self) -> Result<usize, DecodeError> {
        Ok(u8::from_be_bytes(self.fixed()?).into())
    }

    fn length16(&mut self) -> Result<usize, DecodeError> {
        Ok(u16::from_be_bytes(self.fixed()?).into())
    }

    fn length32(&mut self) -> Result<usize, DecodeError> {
        Ok(u32::from_be_bytes(self.fixed()?) as usize)
    }

    fn string(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map(Token::String).map_err(|_| DecodeError::Utf8)
    }

    fn signed(value: i64) -> Token<'a> {
        u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
    }

    /// The next value, or the head of the next that has others inside.
    pub(super) fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        let [marker] = self.fixed()?;
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(marker.into()),
            0x80..=0x8f => Token::Map(u32::from(marker & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(marker & 0x0f)),
            0xa0..=0xbf => self.string(usize::from(marker & 0x1f))?,
            0xc0 => Token::Nil,
            0xc2 => Token::Boolean(false),
            0xc3 => Token::Boolean(true),
            0xc4 => Token::Binary(self.length8().and_then(|length| self.take(length))?),
            0xc5 => Token::Binary(self.length16().and_then(|length| self.take(length))?),
            0xc6 => Token::Binary(self.length32().and_then(|length| self.take(length))?),
            0xca => Token::Single(f32::from_be_bytes(self.fixed()?)),
            0xcb => Token::Double(f64::from_be_bytes(self.fixed()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.fixed()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.fixed()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.fixed()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.fixed()?)),
            0xd0 => Self::signed(i8::from_be_bytes(self.fixed()?).into()),
            0xd1 => Self::signed(i16::from_be_bytes(self.fixed()?).into()),
            0xd2 => Self::signed(i32::from_be_bytes(self.fixed()?).into()),
            0xd3 => Self::signed(i64::from_be_bytes(self.fixed()?)),
            0xd9 => self.length8().and_then(|length| self.string(length))?,
            0xda => self.length16().and_then(|length| self.string(length))?,
            0xdb => self.length32().and_then(|length| self.string(length))?,
            0xdc => Token::Array(u16::from_be_bytes(self.fixed()?).into()),
            0xdd => Token::Array(u32::from_be_bytes(self.fixed()?)),
            0xde => Token::Map(u16::from_be_bytes(self.fixed()?).into()),
            0xdf => Token::Map(u32::from_be_bytes(self.fixed()?)),
            0xe0..=0xff => Token::Negative(i8::from_be_bytes([marker]).into()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(DecodeError::Marker { marker }),
        })
    }
}

/// Checks that the bytes are exactly one value within the bounds. Linear, and the stack stays flat.
///
/// Everything that reads a payload recursively comes after this.
pub(super) fn check(bytes: &[u8], bounds: Bounds) -> Result<Texts, DecodeError> {
    if bytes.len() > bounds.bytes {
        return Err(DecodeError::TooLarge { bytes: bytes.len(), max: bounds.bytes });
    }
    let mut reader = Reader::new(bytes);
    // For each open array or map: how many values are still to come, and whether every second one is a key.
    let mut open: Vec<(u64, Inside)> = Vec::new();
    let mut texts = Texts::Plain;
    loop {
        let token = reader.next()?;
        if bounds.strictness == Strictness::Json {
            json_only(token, open.last().copied())?;
        }
        match token {
            Token::Array(length) => open.push((length.into(), Inside::Array)),
            Token::Map(length) => open.push((u64::from(length) * 2, Inside::Map)),
            Token::Nil
            | Token::Boolean(_)
            | Token::Unsigned(_)
            | Token::Negative(_)
            | Token::Single(_)
            | Token::Double(_)
            | Token::String(_)
            | Token::Binary(_) => {}
        }
        if let Token::String(text) = token
            && text.contains('\0')
        {
            texts = Texts::WithNul;
        }
        if open.len() > limits::PAYLOAD_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        while open.pop_if(|(left, _)| *left == 0).is_some() {}
        match open.last_mut() {
            Some((left, _)) => *left -= 1,
            None if reader.rest.is_empty() => return Ok(texts),
            None => {
                return Err(DecodeError::Trailing { bytes: reader.rest.len() });
            }
        }
    }
}

/// Whether a text of a message holds NUL, which Postgres cannot keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// None does.
    Plain,
    /// One does, if only a field's name: [`wire::text_with_nul`](super::wire::text_with_nul) says where it stands.
    WithNul,
}

/// An array or a map that is read.
enum Level<'a> {
    Array { at: usize, left: u32 },
    Map { field: &'a str, left: u32, next: Half },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Key,
    Value,
}

/// Where the first text stands of which `wanted` says so: `rows[1].key`. Texts whose innermost field is called as one of
/// `except` are passed over. Linear, and the stack stays flat.
pub(super) fn find_text(
    bytes: &[u8],
    except: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<String>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut open: Vec<Level<'_>> = Vec::new();
    loop {
        let token = reader.next()?;
        let is_key = matches!(open.last(), Some(Level::Map { next: Half::Key, .. }));
        if let Token::String(text) = token {
            if let Some(Level::Map { field, .. }) = open.last_mut()
                && is_key
            {
                *field = text;
            }
            let field = || {
                open.iter().rev().find_map(|level| match level {
                    Level::Map { field, .. } => Some(*field),
                    Level::Array { .. } => None,
                })
            };
            if wanted(text) && !except.contains(&field().unwrap_or("")) {
                return Ok(Some(place(&open)));
            }
        }
        let inner = match token {
            Token::Array(length) if length > 0 => Some(Level::Array { at: 0, left: length }),
            Token::Map(length) if length > 0 => Some(Level::Map { field: "", left: length, next: Half::Key }),
            Token::Array(_)
            | Token::Map(_)
            | Token::Nil
            | Token::Boolean(_)
            | Token::Unsigned(_)
            | Token::Negative(_)
            | Token::Single(_)
            | Token::Double(_)
            | Token::String(_)
            | Token::Binary(_) => None,
        };
        if let Some(level) = inner {
            if open.len() >= limits::PAYLOAD_DEPTH {
                return Err(DecodeError::TooDeep);
            }
            open.push(level);
            continue;
        }
        // One value is over, and with it every array and map whose last it was.
        loop {
            match open.last_mut() {
                None => return Ok(None),
                Some(Level::Map { next: next @ Half::Key, .. }) => {
                    *next = Half::Value;
                    break;
                }
                Some(Level::Map { next, left, .. }) => {
                    *next = Half::Key;
                    *left -= 1;
                    if *left > 0 {
                        break;
                    }
                }
                Some(Level::Array { at, left }) => {
                    *at += 1;
                    *left -= 1;
                    if *left > 0 {
                        break;
                    }
                }
            }
            open.pop();
        }
    }
}

fn place(open: &[Level<'_>]) -> String {
    use std::fmt::Write as _;

    let mut place = String::new();
    for level in open {
        let written = match level {
            Level::Array { at, .. } => write!(place, "[{at}]"),
            Level::Map { field, .. } if place.is_empty() => write!(place, "{}", field.escape_debug()),
            Level::Map { field, .. } => write!(place, ".{}", field.escape_debug()),
        };
        written.expect("text takes all that is written to it");
    }
    place
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Array,
    Map,
}

fn json_only(token: Token<'_>, within: Option<(u64, Inside)>) -> Result<(), DecodeError> {
    // `left` was already taken down for this value: an odd number is left over behind a key.
    let is_key = matches!(within, Some((left, Inside::Map)) if left % 2 == 1);
    if is_key && !matches!(token, Token::String(_)) {
        return Err(DecodeError::Key);
    }
    let finite = match token {
        Token::Single(value) => value.is_finite(),
        Token::Double(value) => value.is_finite(),
        Token::Nil
        | Token::Boolean(_)
        | Token::Unsigned(_)
        | Token::Negative(_)
        | Token::String(_)
        | Token::Binary(_)
        | Token::Array(_)
        | Token::Map(_) => true,
    };
    if finite { Ok(()) } else { Err(DecodeError::NotFinite) }
}
