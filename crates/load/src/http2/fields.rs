//! Header fields of HTTP/2: as much of HPACK as a client needs that only wants to know the status.
//!
//! Requests are sent as literals that enter no table. Of responses, the first field is `:status`, and since our settings
//! forbid the server a table of its own, nothing that follows it has to be understood.
//!
//! Source: RFC 7541; RFC 9113, section 8.3.

/// The status codes of the static table, from index 8.
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
const FIRST_STATUS: usize = 8;

/// Appends the field `name: value`, which enters no table.
pub(super) fn write_field(name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    match (name, value) {
        (b":method", b"GET") => block.push(0x82),
        (b":method", b"POST") => block.push(0x83),
        (b":path", b"/") => block.push(0x84),
        (b":scheme", b"http") => block.push(0x86),
        (b":scheme", b"https") => block.push(0x87),
        _ => {
            block.push(0);
            write_text(name, block);
            write_text(value, block);
        }
    }
}

fn write_text(text: &[u8], block: &mut Vec<u8>) {
    let mut rest = text.len();
    // An integer with a prefix of seven bits, RFC 7541, section 5.1; the eighth says that the text is as it is.
    if rest < 0x7f {
        block.push(rest as u8);
    } else {
        block.push(0x7f);
        rest -= 0x7f;
        while rest >= 0x80 {
            block.push((rest % 0x80) as u8 | 0x80);
            rest /= 0x80;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(text);
}

/// Returns the status with which the fields of a response begin; `None` if they do not.
pub(super) fn status(block: &[u8]) -> Option<u16> {
    let mut bytes = block;
    // Updates of the table's size.
    while bytes.first()? & 0xe0 == 0x20 {
        read_integer(&mut bytes, 5)?;
    }
    let first = *bytes.first()?;
    if first & 0x80 != 0 {
        let index = read_integer(&mut bytes, 7)?;
        return STATUSES.get(index.checked_sub(FIRST_STATUS)?).copied();
    }
    let name = read_integer(&mut bytes, if first & 0x40 != 0 { 6 } else { 4 })?;
    let is_status = if name == 0 {
        // A name by Huffman's code is no name that a server writes out when the table has it.
        let (is_huffman, text) = read_text(&mut bytes)?;
        !is_huffman && text == b":status"
    } else {
        (FIRST_STATUS..FIRST_STATUS + STATUSES.len()).contains(&name)
    };
    let (is_huffman, text) = read_text(&mut bytes).filter(|_| is_status)?;
    let digits = if is_huffman { huffman_digits(text)? } else { <[u8; 3]>::try_from(text).ok()? };
    let value = digits.iter().try_fold(0, |value: u16, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u16::from(digit - b'0'))
    })?;
    (100..600).contains(&value).then_some(value)
}

/// Takes an integer with a prefix of `bits` bits, RFC 7541, section 5.1.
fn read_integer(bytes: &mut &[u8], bits: u32) -> Option<usize> {
    let most = (1_usize << bits) - 1;
    let (first, mut rest) = bytes.split_first()?;
    let mut value = usize::from(*first) & most;
    if value == most {
        for shift in [0, 7, 14, 21] {
            let (next, tail) = rest.split_first()?;
            rest = tail;
            value += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                *bytes = rest;
                return Some(value);
            }
        }
        return None;
    }
    *bytes = rest;
    Some(value)
}

/// Takes a text, and whether it is in Huffman's code.
fn read_text<'a>(bytes: &mut &'a [u8]) -> Option<(bool, &'a [u8])> {
    let is_huffman = bytes.first()? & 0x80 != 0;
    let length = read_integer(bytes, 7)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((is_huffman, text))
}

/// Returns three digits in the code of RFC 7541, appendix B: `0` to `2` are the five bits 0 to 2, `3` to `9` the six bits
/// 25 to 31.
fn huffman_digits(text: &[u8]) -> Option<[u8; 3]> {
    let all =
        text.iter().try_fold(0_u32, |all, byte| (all >> 24 == 0).then(|| all << 8 | u32::from(*byte)))?;
    let mut left = 8 * text.len() as u32;
    let mut take = |bits: u32| {
        left = left.checked_sub(bits)?;
        Some(all >> left & ((1 << bits) - 1))
    };
    let mut digits = [0; 3];
    for digit in &mut digits {
        let five = take(5)?;
        *digit = if five <= 2 {
            b'0' + five as u8
        } else {
            let six = five << 1 | take(1)?;
            b'0' + six.checked_sub(22).filter(|digit| (3..=9).contains(digit))? as u8
        };
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // RFC 7541, C.5.1 and C.6.1 (302), C.6.2 (307), C.5.3 (200).
        assert_eq!(status(&[0x48, 0x03, b'3', b'0', b'2', 0x58]), Some(302));
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02, 0x58]), Some(302));
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff, 0xc1]), Some(307));
        assert_eq!(status(&[0x88, 0xc1]), Some(200));
        assert_eq!(status(&[0x20, 0x8e]), Some(500));
        assert_eq!(status(&[0x3f, 0xe1, 0x1f, 0x08, 0x03, b'5', b'0', b'3']), Some(503));
        assert_eq!(status(b"\x00\x07:status\x03404"), Some(404));
    }

    #[test]
    fn what_is_no_status_is_none() {
        for block in [
            b"".as_slice(),
            &[0x82],
            &[0xff],
            &[0x48, 0x03, b'9', b'x', b'2'],
            b"\x00\x04date\x01x",
            &[0x48, 0x82, 0x64],
        ] {
            assert_eq!(status(block), None, "{block:?}");
        }
    }

    #[test]
    fn fields_are_written_as_the_specification_says() {
        let mut block = Vec::new();
        write_field(b":method", b"GET", &mut block);
        // RFC 7541, C.2.2, with the name written out.
        write_field(b":path", b"/sample/path", &mut block);
        assert_eq!(block, b"\x82\x00\x05:path\x0c/sample/path");
        let mut long = Vec::new();
        write_field(b"x", &[b'y'; 1337], &mut long);
        // 1337 = 127 + 1210, and 1210 = 58 + 9 · 128.
        assert_eq!(long[..6], [0, 1, b'x', 0x7f, 0x80 | 58, 9]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(block in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = status(&block);
        }

        #[test]
        fn digits_in_the_code_are_read(value in 100_u16..600) {
            let mut bits = String::new();
            for digit in value.to_string().bytes().map(|byte| byte - b'0') {
                bits += &if digit <= 2 { format!("{digit:05b}") } else { format!("{:06b}", digit + 22) };
            }
            while !bits.len().is_multiple_of(8) {
                bits.push('1');
            }
            let code: Vec<u8> =
                (0..bits.len() / 8).map(|k| u8::from_str_radix(&bits[8 * k..8 * k + 8], 2).unwrap()).collect();
            let block = [&[0x48, 0x80 | code.len() as u8], code.as_slice()].concat();
            prop_assert_eq!(status(&block), Some(value));
        }
    }
}
