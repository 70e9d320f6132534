//! The forms of `MessagePack`, each in its shortest.

/// Appends the single byte that stands for nothing.
pub(super) fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        marked(out, 0xcd, &value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        marked(out, 0xce, &value.to_be_bytes());
    } else {
        marked(out, 0xcf, &value.to_be_bytes());
    }
}

pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        unsigned(out, value);
    } else if let Ok(value) = i8::try_from(value) {
        if value >= -32 {
            out.extend_from_slice(&value.to_be_bytes());
        } else {
            marked(out, 0xd0, &value.to_be_bytes());
        }
    } else if let Ok(value) = i16::try_from(value) {
        marked(out, 0xd1, &value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        marked(out, 0xd2, &value.to_be_bytes());
    } else {
        marked(out, 0xd3, &value.to_be_bytes());
    }
}

pub(super) fn single(out: &mut Vec<u8>, value: f32) {
    marked(out, 0xca, &value.to_be_bytes());
}

pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    marked(out, 0xcb, &value.to_be_bytes());
}

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..32 => out.push(0xa0 | length as u8),
        length @ 32..0x100 => out.extend_from_slice(&[0xd9, length as u8]),
        length @ 0x100..0x1_0000 => marked(out, 0xda, &(length as u16).to_be_bytes()),
        length => marked(out, 0xdb, &(length as u32).to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        length @ 0..0x100 => out.extend_from_slice(&[0xc4, length as u8]),
        length @ 0x100..0x1_0000 => marked(out, 0xc5, &(length as u16).to_be_bytes()),
        length => marked(out, 0xc6, &(length as u32).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

/// The head of an array of `length` values that follow.
pub(super) fn array(out: &mut Vec<u8>, length: usize) {
    head(out, length, [0x90, 0xdc, 0xdd]);
}

/// The head of a map of `length` keys and values that follow.
pub(super) fn map(out: &mut Vec<u8>, length: usize) {
    head(out, length, [0x80, 0xde, 0xdf]);
}

fn head(out: &mut Vec<u8>, length: usize, [fix, short, long]: [u8; 3]) {
    match length {
        0..16 => out.push(fix | length as u8),
        16..0x1_0000 => marked(out, short, &(length as u16).to_be_bytes()),
        _ => marked(out, long, &(length as u32).to_be_bytes()),
    }
}

fn marked(out: &mut Vec<u8>, marker: u8, rest: &[u8]) {
    out.push(marker);
    out.extend_from_slice(rest);
}
