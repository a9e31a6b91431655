//! Arrays in `NumPy`'s `.npy` format, versions 1.0 to 3.0.
//!
//! ```text
//! \x93NUMPY  major  minor  header length (u16 or u32, little endian)  header  data
//! ```
//!
//! The header is a Python dictionary, `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, padded with
//! blanks and ended by a newline.
//!
//! Source: `NumPy` enhancement proposal 1, <https://numpy.org/neps/nep-0001-npy-format.html>.

use super::Rules;
use super::collect::{Collector, Place};
use super::number::{Closeness, Tolerance, close_floats, ulps_f32};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Returns whether `bytes` start as an array does.
pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// An array; its data are not copied.
#[derive(Debug, PartialEq)]
pub(super) struct Array<'a> {
    kind: Kind,
    big_endian: bool,
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
    data: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Signed(usize),
    Unsigned(usize),
    Float(usize),
    /// The size of both parts together.
    Complex(usize),
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Signed(size) | Self::Unsigned(size) | Self::Float(size) | Self::Complex(size) => size,
        }
    }
}

/// One element, wide enough for all kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Element {
    Bool(u8),
    Integer(i128),
    Float { value: f64, single: Option<f32> },
    Complex { real: f64, imaginary: f64 },
}

impl<'a> Array<'a> {
    /// Reads the array that is the whole of `bytes`.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("it does not start with \\x93NUMPY")?;
        let (major, rest) = match rest {
            [major @ 1..=3, 0, rest @ ..] => (*major, rest),
            [major, minor, ..] => return Err(format!("its version is {major}.{minor}")),
            _ => return Err("it ends in its version".to_owned()),
        };
        let (length, rest) = header_length(major, rest).ok_or("it ends in its header")?;
        let (header, data) = rest.split_at_checked(length).ok_or("it ends in its header")?;
        let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
        let header = Header::parse(header).ok_or("its header is malformed")?;
        let (kind, big_endian) =
            kind_of(header.descr).ok_or_else(|| format!("its type is '{}'", header.descr))?;
        let elements = header.shape.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
        let expected = elements.and_then(|n| n.checked_mul(kind.size())).ok_or("its shape is too large")?;
        if data.len() != expected {
            return Err(format!(
                "it has {} bytes of data instead of the {expected} of its shape",
                data.len()
            ));
        }
        Ok(Self {
            kind,
            big_endian,
            descr: header.descr,
            fortran_order: header.fortran_order,
            shape: header.shape,
            data,
        })
    }

    fn len(&self) -> usize {
        self.data.len() / self.kind.size()
    }

    /// Returns the element at position `index` in C order.
    fn get(&self, index: usize) -> Element {
        let at = if self.fortran_order { self.fortran_position(index) } else { index };
        let size = self.kind.size();
        let bytes = &self.data[at * size..(at + 1) * size];
        match self.kind {
            Kind::Bool => Element::Bool(bytes[0]),
            Kind::Signed(_) => {
                let shift = 128 - 8 * size as u32;
                Element::Integer(((self.unsigned(bytes) << shift) as i128) >> shift)
            }
            Kind::Unsigned(_) => Element::Integer(self.unsigned(bytes) as i128),
            Kind::Float(_) => self.float(bytes),
            Kind::Complex(_) => {
                let value = |bytes| match self.float(bytes) {
                    Element::Float { value, .. } => value,
                    _ => f64::NAN,
                };
                let (real, imaginary) = bytes.split_at(size / 2);
                Element::Complex { real: value(real), imaginary: value(imaginary) }
            }
        }
    }

    fn unsigned(&self, bytes: &[u8]) -> u128 {
        let fold = |value: u128, byte: &u8| value << 8 | u128::from(*byte);
        if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
    }

    fn float(&self, bytes: &[u8]) -> Element {
        let bits = self.unsigned(bytes);
        match bytes.len() {
            2 => Element::Float { value: half_to_f64(bits as u16), single: None },
            4 => {
                let single = f32::from_bits(bits as u32);
                Element::Float { value: single.into(), single: Some(single) }
            }
            _ => Element::Float { value: f64::from_bits(bits as u64), single: None },
        }
    }

    /// Returns the index of each dimension of the element at `index` in C order.
    fn indices(&self, mut index: usize) -> Vec<usize> {
        let mut indices: Vec<_> = self
            .shape
            .iter()
            .rev()
            .map(|n| {
                let i = index % n;
                index /= n;
                i
            })
            .collect();
        indices.reverse();
        indices
    }

    fn fortran_position(&self, index: usize) -> usize {
        let mut stride = 1;
        let mut position = 0;
        for (i, n) in self.indices(index).iter().zip(&self.shape) {
            position += i * stride;
            stride *= n;
        }
        position
    }
}

/// Compares element by element. The same values in another memory order are the same array.
pub(super) fn compare(
    reference: &Array<'_>,
    candidate: &Array<'_>,
    rules: &Rules,
    collector: &mut Collector,
) {
    if reference.descr != candidate.descr {
        let message = || format!("the type is '{}' instead of '{}'", candidate.descr, reference.descr);
        collector.differ(Place::Whole, message);
        return;
    }
    if reference.shape != candidate.shape {
        let message = || format!("the shape is {:?} instead of {:?}", candidate.shape, reference.shape);
        collector.differ(Place::Whole, message);
        return;
    }
    collector.reordered |= reference.fortran_order != candidate.fortran_order;
    let mut first = None;
    let mut count = 0_usize;
    for index in 0..reference.len() {
        let (r, c) = (reference.get(index), candidate.get(index));
        match close_elements(r, c, rules.tolerance) {
            Some(closeness) => collector.allow(closeness),
            None => {
                first.get_or_insert((index, r, c));
                count += 1;
            }
        }
    }
    if let Some((index, r, c)) = first {
        let message = format!("{:?} is {} instead of {}", reference.indices(index), shown(c), shown(r));
        let all = if count > 1 {
            format!(" ({count} of {} elements differ)", reference.len())
        } else {
            String::new()
        };
        collector.differ(Place::Whole, || message + &all);
    }
}

fn close_elements(r: Element, c: Element, tolerance: Tolerance) -> Option<Closeness> {
    match (r, c) {
        (Element::Bool(r), Element::Bool(c)) => (r == c).then(Closeness::default),
        (Element::Integer(r), Element::Integer(c)) => {
            let difference = r.abs_diff(c) as f64;
            (difference <= tolerance.absolute)
                .then(|| Closeness { absolute: difference, ..Closeness::default() })
        }
        (Element::Float { value: r, single: rs }, Element::Float { value: c, single: cs }) => {
            let mut closeness = close_floats(r, c, tolerance)?;
            if let (Some(r), Some(c)) = (rs, cs) {
                closeness.ulps = if r.is_nan() { 0 } else { ulps_f32(r, c) };
            }
            Some(closeness)
        }
        (Element::Complex { real: rr, imaginary: ri }, Element::Complex { real: cr, imaginary: ci }) => {
            close_complex((rr, ri), (cr, ci), tolerance)
        }
        _ => None,
    }
}

/// The relative tolerance is of the modulus: a part that cancels has no precision of its own.
fn close_complex(r: (f64, f64), c: (f64, f64), tolerance: Tolerance) -> Option<Closeness> {
    let parts = [(r.0, c.0), (r.1, c.1)];
    let modulus = r.0.hypot(r.1);
    let widened = Tolerance {
        relative: 0.0,
        absolute: tolerance.absolute + if modulus.is_finite() { tolerance.relative * modulus } else { 0.0 },
    };
    let mut worst = Closeness::default();
    for (r, c) in parts {
        worst.widen(close_floats(r, c, widened)?);
    }
    Some(worst)
}

fn shown(element: Element) -> String {
    match element {
        Element::Bool(0) => "False".to_owned(),
        Element::Bool(_) => "True".to_owned(),
        Element::Integer(value) => value.to_string(),
        Element::Float { single: Some(value), .. } => format!("{value:?}"),
        Element::Float { value, single: None } => format!("{value:?}"),
        Element::Complex { real, imaginary } => format!("{real:?}{imaginary:+?}j"),
    }
}

/// Returns the value of a number in half precision (IEEE 754 binary16).
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2_f64.powi(-14),
        0x1f if fraction == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        _ => sign * (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

fn header_length(major: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        Some((u16::from_le_bytes(*length).into(), rest))
    } else {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*length) as usize, rest))
    }
}

/// Returns kind and byte order of a type such as `<f8`; structures and objects have none.
fn kind_of(descr: &str) -> Option<(Kind, bool)> {
    let mut characters = descr.chars();
    let order = characters.next()?;
    let letter = characters.next()?;
    let size: usize = characters.as_str().parse().ok()?;
    let kind = match (letter, size) {
        ('b', 1) => Kind::Bool,
        ('i', 1 | 2 | 4 | 8) => Kind::Signed(size),
        ('u', 1 | 2 | 4 | 8) => Kind::Unsigned(size),
        ('f', 2 | 4 | 8) => Kind::Float(size),
        ('c', 8 | 16) => Kind::Complex(size),
        _ => return None,
    };
    match order {
        '<' | '=' if size > 1 => Some((kind, false)),
        '>' if size > 1 => Some((kind, true)),
        '|' if size == 1 => Some((kind, false)),
        _ => None,
    }
}

struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Reads the dictionary, its keys in any order, each once, and nothing else.
    fn parse(text: &'a str) -> Option<Self> {
        let body = text.strip_suffix('\n')?.trim_end_matches(' ').strip_prefix('{')?.strip_suffix('}')?;
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = body.trim_matches(' ');
        while !rest.is_empty() {
            let (key, tail) = rest.strip_prefix('\'')?.split_once('\'')?;
            let tail = tail.trim_start_matches(' ').strip_prefix(':')?.trim_start_matches(' ');
            let tail = match key {
                "descr" if descr.is_none() => {
                    let (value, tail) = tail.strip_prefix('\'')?.split_once('\'')?;
                    descr = Some(value);
                    tail
                }
                "fortran_order" if fortran_order.is_none() => {
                    let word = if tail.starts_with("True") { "True" } else { "False" };
                    fortran_order = Some(word == "True");
                    tail.strip_prefix(word)?
                }
                "shape" if shape.is_none() => {
                    let (value, tail) = tail.strip_prefix('(')?.split_once(')')?;
                    shape = Some(parse_shape(value)?);
                    tail
                }
                _ => return None,
            };
            let tail = tail.trim_start_matches(' ');
            rest = match tail.strip_prefix(',') {
                Some(tail) => tail.trim_start_matches(' '),
                None if tail.is_empty() => tail,
                None => return None,
            };
        }
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}

/// Reads `3, 4`, `3,` or nothing.
fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut parts: Vec<_> = text.split(',').map(|part| part.trim_matches(' ')).collect();
    if parts.len() == 1 {
        return None;
    }
    if parts.last() == Some(&"") {
        parts.pop();
    }
    parts.iter().map(|part| if part.starts_with('+') { None } else { part.parse().ok() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while !(10 + header.len() + 1).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn elements_of_all_kinds_are_read() {
        let first = |descr: &str, data: &[u8]| {
            let bytes = npy(descr, "False", "(1,)", data);
            Array::parse(&bytes).unwrap().get(0)
        };
        assert_eq!(first("<i2", &[0xfe, 0xff]), Element::Integer(-2));
        assert_eq!(first(">u2", &[1, 2]), Element::Integer(258));
        assert_eq!(first("|b1", &[1]), Element::Bool(1));
        assert_eq!(first("<u8", &[0xff; 8]), Element::Integer(i128::from(u64::MAX)));
        let float = |value: f64| Element::Float { value, single: None };
        assert_eq!(first("<f8", &2.5_f64.to_le_bytes()), float(2.5));
        assert_eq!(first("<f2", &[0x00, 0x3e]), float(1.5));
        assert_eq!(
            first(">f4", &0.1_f32.to_be_bytes()),
            Element::Float { value: 0.1_f32.into(), single: Some(0.1) }
        );
        let complex: Vec<u8> = [1.0_f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(first("<c16", &complex), Element::Complex { real: 1.0, imaginary: -2.0 });
    }

    #[test]
    fn fortran_order_is_only_another_memory_order() {
        // [[0, 1, 2], [3, 4, 5]]
        let c_bytes = npy("|u1", "False", "(2, 3)", &[0, 1, 2, 3, 4, 5]);
        let f_bytes = npy("|u1", "True", "(2, 3)", &[0, 3, 1, 4, 2, 5]);
        let (c, f) = (Array::parse(&c_bytes).unwrap(), Array::parse(&f_bytes).unwrap());
        for index in 0..6 {
            assert_eq!(f.get(index), Element::Integer(index as i128));
            assert_eq!(c.get(index), f.get(index));
        }
        assert_eq!(c.indices(5), [1, 2]);
    }

    #[test]
    fn malformed_files_are_refused_in_words() {
        let good = npy("<f8", "False", "()", &[0; 8]);
        assert!(Array::parse(&good).is_ok());
        assert!(Array::parse(&good[..good.len() - 1]).unwrap_err().contains("7 bytes of data"));
        assert!(Array::parse(&npy("|O", "False", "(1,)", &[0; 8])).unwrap_err().contains("'|O'"));
        for (fortran, shape) in [("Falsy", "()"), ("False", "(3)"), ("False", "(+1,)"), ("False", "(1,,)")] {
            assert!(Array::parse(&npy("<f8", fortran, shape, &[0; 8])).is_err(), "{fortran} {shape}");
        }
        assert!(Array::parse(&npy("<f8", "False", "(99999999999, 99999999999, 99999999999)", &[])).is_err());
        for length in 0..good.len() {
            assert!(Array::parse(&good[..length]).is_err());
        }
    }

    #[test]
    fn half_precision_is_exact() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 2_f64.powi(-24)),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half_to_f64(bits), value);
        }
        assert!(half_to_f64(0x7e00).is_nan());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut file = MAGIC.to_vec();
            file.extend(bytes);
            let _ = Array::parse(&file);
        }
    }
}
