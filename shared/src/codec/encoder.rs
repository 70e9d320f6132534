//! The serializer of payloads: writes `MessagePack` and refuses what JSON cannot represent.

use serde::{Serialize, Serializer, ser};

use super::{
    error::{EncodeError, Fault},
    scalars,
};
use crate::{journal::Payload, limits};

/// Writes one value.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    out: Vec<u8>,
    depth: usize,
}

type Done = Result<(), EncodeError>;

impl Encoder {
    pub(super) fn into_payload(self) -> Payload {
        self.out
    }

    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Done {
        write(&mut self.out);
        self.bounded()
    }

    fn bounded(&self) -> Done {
        if self.out.len() > limits::PAYLOAD_BYTES {
            return Err(Fault::TooLarge { max: limits::PAYLOAD_BYTES }.into());
        }
        Ok(())
    }

    /// Refuses before it copies: `length` bytes are about to be written.
    fn room(&self, length: usize) -> Done {
        if length > limits::PAYLOAD_BYTES - self.out.len().min(limits::PAYLOAD_BYTES) {
            return Err(Fault::TooLarge { max: limits::PAYLOAD_BYTES }.into());
        }
        Ok(())
    }

    fn deeper(&mut self) -> Done {
        self.depth += 1;
        if self.depth > limits::PAYLOAD_DEPTH {
            return Err(Fault::TooDeep.into());
        }
        Ok(())
    }

    fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.deeper()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn compound(&mut self, length: Option<usize>, head: Head) -> Result<Compound<'_>, EncodeError> {
        self.deeper()?;
        let start = self.out.len();
        if let Some(length) = length {
            self.room(length)?;
            head(&mut self.out, length);
        }
        Ok(Compound { encoder: self, head, start, announced: length, given: 0, key: String::new(), variant: None })
    }

    fn variant(&mut self, name: &'static str, length: usize, head: Head) -> Result<Compound<'_>, EncodeError> {
        scalars::map(&mut self.out, 1);
        scalars::string(&mut self.out, name);
        self.deeper()?;
        let mut inside = self.compound(Some(length), head)?;
        inside.variant = Some(name);
        Ok(inside)
    }
}

type Head = fn(&mut Vec<u8>, usize);

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Done {
        self.put(|out| scalars::boolean(out, value))
    }
    fn serialize_i8(self, value: i8) -> Done {
        self.serialize_i64(value.into())
    }
    fn serialize_i16(self, value: i16) -> Done {
        self.serialize_i64(value.into())
    }
    fn serialize_i32(self, value: i32) -> Done {
        self.serialize_i64(value.into())
    }
    fn serialize_i64(self, value: i64) -> Done {
        self.put(|out| scalars::signed(out, value))
    }
    fn serialize_u8(self, value: u8) -> Done {
        self.serialize_u64(value.into())
    }
    fn serialize_u16(self, value: u16) -> Done {
        self.serialize_u64(value.into())
    }
    fn serialize_u32(self, value: u32) -> Done {
        self.serialize_u64(value.into())
    }
    fn serialize_u64(self, value: u64) -> Done {
        self.put(|out| scalars::unsigned(out, value))
    }
    fn serialize_i128(self, _value: i128) -> Done {
        Err(Fault::Integer128.into())
    }
    fn serialize_u128(self, _value: u128) -> Done {
        Err(Fault::Integer128.into())
    }
    fn serialize_f32(self, value: f32) -> Done {
        if !value.is_finite() {
            return Err(Fault::NotFinite(value.to_string()).into());
        }
        self.put(|out| scalars::single(out, value))
    }
    fn serialize_f64(self, value: f64) -> Done {
        if !value.is_finite() {
            return Err(Fault::NotFinite(value.to_string()).into());
        }
        self.put(|out| scalars::double(out, value))
    }
    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Done {
        self.room(value.len())?;
        self.put(|out| scalars::string(out, value))
    }
    fn serialize_bytes(self, value: &[u8]) -> Done {
        self.room(value.len())?;
        self.put(|out| scalars::binary(out, value))
    }
    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.nested(value)
    }
    fn serialize_unit(self) -> Done {
        self.put(scalars::nil)
    }
    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        self.nested(value)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        scalars::map(&mut self.out, 1);
        scalars::string(&mut self.out, variant);
        self.nested(value).map_err(|error| error.in_field(variant))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        self.compound(length, scalars::array)
    }
    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, EncodeError> {
        self.compound(Some(length), scalars::array)
    }
    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Compound<'a>, EncodeError> {
        self.compound(Some(length), scalars::array)
    }
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant, length, scalars::array)
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        self.compound(length, scalars::map)
    }
    fn serialize_struct(self, _name: &'static str, length: usize) -> Result<Compound<'a>, EncodeError> {
        self.compound(Some(length), scalars::map)
    }
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant, length, scalars::map)
    }
    fn is_human_readable(&self) -> bool {
        true
    }
}

/// An array or a map under way.
pub(super) struct Compound<'a> {
    encoder: &'a mut Encoder,
    head: Head,
    /// Where it begins; its head is put there at the end when no length was announced.
    start: usize,
    announced: Option<usize>,
    given: usize,
    /// The map's key whose value comes next.
    key: String,
    /// The enum's variant around it.
    variant: Option<&'static str>,
}

impl Compound<'_> {
    fn within(&self, error: EncodeError) -> EncodeError {
        match self.variant {
            Some(variant) => error.in_field(variant),
            None => error,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        let index = self.given;
        self.given += 1;
        value.serialize(&mut *self.encoder).map_err(|error| self.within(error.in_element(index)))
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Done {
        self.given += 1;
        self.encoder.serialize_str(name)?;
        value.serialize(&mut *self.encoder).map_err(|error| self.within(error.in_field(name)))
    }

    fn finish(self) -> Done {
        match self.announced {
            Some(announced) if announced != self.given => {
                let error = EncodeError::from(Fault::Length { announced, given: self.given });
                return Err(self.within(error));
            }
            Some(_) => {}
            None => {
                let mut head = Vec::with_capacity(5);
                (self.head)(&mut head, self.given);
                self.encoder.out.splice(self.start..self.start, head);
            }
        }
        self.encoder.depth -= if self.variant.is_some() { 2 } else { 1 };
        self.encoder.bounded()
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeTuple for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.given += 1;
        self.key = key.serialize(super::key::Key).map_err(|error| self.within(error))?;
        let Self { encoder, key, .. } = self;
        encoder.serialize_str(key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut *self.encoder).map_err(|error| self.within(error.in_field(&self.key)))
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        self.field(name, value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        self.field(name, value)
    }
    fn end(self) -> Done {
        self.finish()
    }
}
