//! How the values of a type are laid out in binary, as far as object ids are inside: copies made by pg_dump or by
//! replication give types of the user other ids, and arrays and composites carry those with each value.

/// Ids from here on belong to objects that users made (FirstNormalObjectId in PostgreSQL's `access/transam.h`).
const FIRST_USER_ID: u32 = 16_384;

/// Flags of a range that leave out a bound (PostgreSQL's `utils/rangetypes.h`).
const EMPTY: u8 = 0x01;
const NO_LOWER: u8 = 0x08 | 0x20;
const NO_UPPER: u8 = 0x10 | 0x40;

/// The layout of a type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// No ids of types inside.
    Plain,
    /// As PostgreSQL's `array_send` writes it.
    Array(Box<Shape>),
    /// As `record_send` does, with the shape of each attribute.
    Composite(Vec<Shape>),
    /// As `range_send` does.
    Range(Box<Shape>),
    /// As `multirange_send` does, with the shape of its ranges.
    Multirange(Box<Shape>),
}

impl Shape {
    /// Whether values can hold ids of types.
    pub fn has_ids(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Array(_) | Self::Composite(_) => true,
            Self::Range(part) | Self::Multirange(part) => part.has_ids(),
        }
    }

    /// Sets the ids of the user's types in a value to zero; `None` where the value is not laid out like this.
    pub fn erase(&self, value: &mut [u8]) -> Option<()> {
        let mut rest = Cursor(value);
        match self {
            Self::Plain => return Some(()),
            Self::Array(element) => {
                let dimensions = rest.int()?;
                rest.take(4)?;
                rest.id()?;
                rest.take(usize::try_from(dimensions).ok()?.checked_mul(8)?)?;
                while !rest.0.is_empty() {
                    rest.value(element)?;
                }
            }
            Self::Composite(attributes) => {
                let count = usize::try_from(rest.int()?).ok()?;
                for attribute in attributes.get(..count).filter(|all| all.len() == attributes.len())? {
                    rest.id()?;
                    rest.value(attribute)?;
                }
            }
            Self::Range(bound) => {
                let flags = rest.take(1)?[0];
                for missing in [NO_LOWER, NO_UPPER] {
                    if flags & (EMPTY | missing) == 0 {
                        rest.value(bound)?;
                    }
                }
            }
            Self::Multirange(range) => {
                for _ in 0..rest.int()? {
                    rest.value(range)?;
                }
            }
        }
        rest.0.is_empty().then_some(())
    }
}

struct Cursor<'a>(&'a mut [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a mut [u8]> {
        let (head, tail) = std::mem::take(&mut self.0).split_at_mut_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn int(&mut self) -> Option<i32> {
        let bytes = self.take(4)?;
        Some(i32::from_be_bytes(*bytes.first_chunk()?))
    }

    fn id(&mut self) -> Option<()> {
        let bytes = self.take(4)?;
        if u32::from_be_bytes(*bytes.first_chunk()?) >= FIRST_USER_ID {
            bytes.fill(0);
        }
        Some(())
    }

    /// A length and that many bytes, or a null.
    fn value(&mut self, shape: &Shape) -> Option<()> {
        match usize::try_from(self.int()?) {
            Ok(length) => shape.erase(self.take(length)?),
            Err(_) => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn be(parts: &[i32]) -> Vec<u8> {
        parts.iter().flat_map(|part| part.to_be_bytes()).collect()
    }

    #[test]
    fn only_ids_of_users_types_are_erased() {
        let shape = Shape::Array(Box::new(Shape::Plain));
        let array = |id: i32| [be(&[1, 1, id, 2, 1, 4, 16_999, -1])].concat();
        let mut value = array(16_425);
        shape.erase(&mut value).unwrap();
        assert_eq!(value, array(0));
        let mut value = array(23);
        shape.erase(&mut value).unwrap();
        assert_eq!(value, array(23));
    }

    #[test]
    fn nested_values_are_reached() {
        let inner = Shape::Array(Box::new(Shape::Plain));
        let shape = Shape::Composite(vec![Shape::Plain, Shape::Range(Box::new(inner))]);
        let value = |id: i32| {
            let array = be(&[1, 0, id, 1, 1, 4, 7]);
            let mut range = vec![0x10];
            range.extend(be(&[array.len().try_into().unwrap()]));
            range.extend(&array);
            let mut composite = be(&[2, 23, 4, 9, id, range.len().try_into().unwrap()]);
            composite.extend(&range);
            composite
        };
        let mut one = value(20_000);
        shape.erase(&mut one).unwrap();
        assert_eq!(one, value(0));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let shape = Shape::Array(Box::new(Shape::Plain));
        for wrong in [be(&[1, 1]), be(&[1, 1, 23, 1, 1, 8, 7]), be(&[-1, 0, 23])] {
            assert_eq!(shape.erase(&mut wrong.clone()), None);
        }
        let composite = Shape::Composite(vec![Shape::Plain]);
        assert_eq!(composite.erase(&mut be(&[2, 23, -1, 23, -1])), None);
    }
}
