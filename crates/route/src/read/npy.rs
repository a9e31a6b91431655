//! Square arrays in `NumPy`'s `.npy` format, versions 1 to 3.
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::matrix::from_floats;
use crate::error::RouteError;
use crate::instance::{Instance, MAX_CITIES};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Instance, RouteError> {
    let (header, data) = split(bytes).ok_or_else(|| {
        RouteError::instance("the .npy file is truncated").with_hint("write it again with numpy.save")
    })?;
    let n = shape(header)?;
    let kind = entry(header, "descr").unwrap_or("").trim_matches(['\'', '"']);
    let (width, convert) = element(kind)?;
    let size = n.checked_mul(n).and_then(|count| count.checked_mul(width));
    if size.is_none_or(|size| data.len() < size) {
        let message = format!("the .npy file has {} bytes of data for {n} x {n} entries", data.len());
        return Err(RouteError::instance(message).with_hint("is the file truncated?"));
    }
    let flat: Vec<f64> = data.chunks_exact(width).take(n * n).map(convert).collect();
    if let Some(at) = flat.iter().position(|value| !value.is_finite()) {
        let message = format!("the array holds {} at [{}, {}]", flat[at], at / n, at % n);
        return Err(RouteError::instance(message).with_hint("distances are finite numbers"));
    }
    if entry(header, "fortran_order") == Some("True") {
        let transposed: Vec<f64> = (0..n * n).map(|at| flat[at % n * n + at / n]).collect();
        return from_floats(name, n, &transposed);
    }
    from_floats(name, n, &flat)
}

/// Splits the file into its header and its data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_at_checked(2)?;
    let (length, rest) = if version[0] == 1 {
        let (length, rest) = rest.split_at_checked(2)?;
        (u16::from_le_bytes(length.try_into().ok()?) as usize, rest)
    } else {
        let (length, rest) = rest.split_at_checked(4)?;
        (u32::from_le_bytes(length.try_into().ok()?) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// Returns the text after `'key':` up to the next comma that is not in brackets.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{key}'"))?;
    let value = header[at + key.len() + 2..].trim_start().strip_prefix(':')?;
    let mut depth = 0;
    let end = value.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && (c == ',' || c == '}')
    });
    Some(value[..end?].trim())
}

fn shape(header: &str) -> Result<usize, RouteError> {
    let text = entry(header, "shape").unwrap_or("");
    let sides = text.trim_matches(['(', ')']).split(',').map(str::trim).filter(|side| !side.is_empty());
    let sides: Vec<Option<usize>> = sides.map(|side| side.parse().ok()).collect();
    match sides[..] {
        [Some(rows), Some(columns)] if rows == columns && rows <= MAX_CITIES => Ok(rows),
        _ => Err(RouteError::instance(format!("an array of shape {text} is not a distance matrix"))
            .with_hint("a square, two-dimensional array")),
    }
}

type Convert = fn(&[u8]) -> f64;

/// Returns the width of an element in bytes and what reads one.
fn element(kind: &str) -> Result<(usize, Convert), RouteError> {
    macro_rules! of {
        ($type:ty) => {
            Ok((size_of::<$type>(), |bytes| {
                <$type>::from_le_bytes(bytes.try_into().expect("a chunk is as wide as its type")) as f64
            }))
        };
    }
    match kind {
        "<f8" => of!(f64),
        "<f4" => of!(f32),
        "<i8" => of!(i64),
        "<i4" => of!(i32),
        "<i2" => of!(i16),
        "|i1" => of!(i8),
        "<u8" => of!(u64),
        "<u4" => of!(u32),
        "<u2" => of!(u16),
        "|u1" => of!(u8),
        _ => Err(RouteError::instance(format!("an array of type '{kind}' cannot be read"))
            .with_hint("little-endian integers or floats: save matrix.astype('<f8')")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn integers_in_both_orders_are_read() {
        let data = [0, 1, 2, 0];
        let c = array("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", &data);
        assert_eq!(read("t", &c).unwrap().distance(0, 1), 1);
        let fortran = array("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }", &data);
        assert_eq!(read("t", &fortran).unwrap().distance(0, 1), 2);
    }

    #[test]
    fn broken_arrays_are_refused() {
        let cases = [
            (array("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", &[0; 6]), "shape (2, 3)"),
            (array("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }", &[0; 2]), "type '<f2'"),
            (array("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", &[0; 8]), "8 bytes"),
            (b"\x93NUMPY\x01\x00\xff".to_vec(), "truncated"),
        ];
        for (bytes, message) in cases {
            assert!(read("t", &bytes).unwrap_err().to_string().contains(message));
        }
        let nan = f64::NAN.to_le_bytes();
        let holed = array("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", &nan);
        assert!(read("t", &holed).unwrap_err().to_string().contains("NaN at [0, 0]"));
    }
}
