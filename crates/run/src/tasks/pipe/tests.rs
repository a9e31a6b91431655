use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};

use proptest::prelude::*;

use super::*;

fn contents(pipe: &Pipe) -> Vec<Vec<u8>> {
    pipe.blocks(2, None).unwrap().map(|block| bytes_of(&block.unwrap())).collect()
}

fn bytes_of(block: &Block) -> Vec<u8> {
    if let Content::Memory(memory) = &block.content {
        let path = format!("/proc/self/fd/{}", memory.as_fd().as_raw_fd());
        assert_eq!(fs::read(path).unwrap(), memory.bytes(), "what a program reads");
    }
    block.content.read().unwrap().to_vec()
}

/// Returns the blocks of `text`, read from a file and from a pipe.
fn split(text: &[u8], block: u64, record_end: &[u8]) -> [Vec<Vec<u8>>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, text).unwrap();
    let pipe = |origin| Pipe { origin, block: Some(Bytes(block)), record_end: record_end.to_vec() };
    let from_file = contents(&pipe(Origin::File(path)));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let owned = text.to_vec();
    let writer = std::thread::spawn(move || File::from(writer).write_all(&owned).unwrap());
    let stream = Text::Stream { file: reader.into(), files: Pool::new(), rest: Vec::new(), is_at_end: false };
    let blocks = Blocks { pipe: pipe(Origin::StandardInput), block: Bytes(block), source: stream };
    let from_stream = blocks.map(|block| bytes_of(&block.unwrap())).collect();
    writer.join().unwrap();
    [from_file, from_stream]
}

#[test]
fn blocks_end_with_records() {
    for blocks in split(b"one\ntwo\nthree\nfour", 8, b"\n") {
        assert_eq!(blocks.concat(), b"one\ntwo\nthree\nfour");
        assert!(blocks[..blocks.len() - 1].iter().all(|block| block.ends_with(b"\n")));
    }
    let expected: [&[u8]; 2] = [b"aaaaaaaaaaaaaaaa\n", b"b\n"];
    let [from_file, from_stream] = split(b"aaaaaaaaaaaaaaaa\nb\n", 4, b"\n");
    assert_eq!(from_file, expected, "a long record is a block");
    assert_eq!(from_stream.concat(), expected.concat());
    assert_eq!(split(b"", 4, b"\n"), [[[0_u8; 0]; 0]; 2]);
    assert!(Pipe { block: Some(Bytes(0)), ..Pipe::lines(Origin::StandardInput) }.blocks(2, None).is_err());
}

#[test]
fn a_file_reaches_the_program_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    let text: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    fs::write(&path, &text).unwrap();
    let pass = || {
        let (file, length) = (File::open(&path).unwrap(), text.len() as u64);
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let feeder = std::thread::spawn(move || feed(&file, 0, length, writer));
        let mut got = Vec::new();
        File::from(reader).read_to_end(&mut got).unwrap();
        (got, feeder.join().unwrap())
    };
    let (got, result) = pass();
    assert!(result.is_ok() && got == text);
    File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
    assert_eq!(pass().1.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_file_is_shared_out_among_the_slots_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    let size = |length: u64, slots: u32, recorded: Option<u64>| {
        File::create(&path).unwrap().set_len(length).unwrap();
        Pipe::lines(Origin::File(path.clone())).blocks(slots, recorded.map(Bytes)).unwrap().size().0
    };
    assert_eq!(size(512 << 20, 2, None), 32 << 20);
    assert_eq!(size(512 << 20, 64, None), 1 << 20);
    assert_eq!(size(64 << 30, 2, None), 64 << 20);
    assert_eq!(size(10, 2, None), 1 << 20);
    assert_eq!(size(512 << 20, 2, Some(12_345)), 12_345, "as in the run that is resumed");
}

proptest! {
    #[test]
    fn nothing_is_lost_and_no_record_is_cut(
        text in "[ab|]{0,60}",
        block in 1_u64..20,
        record_end in prop::sample::select(vec!["|", "||", "a|b"]),
    ) {
        for blocks in split(text.as_bytes(), block, record_end.as_bytes()) {
            prop_assert_eq!(blocks.concat(), text.as_bytes());
            prop_assert!(blocks.iter().all(|block| !block.is_empty()));
            for cut in &blocks[..blocks.len().saturating_sub(1)] {
                prop_assert!(cut.ends_with(record_end.as_bytes()), "{:?}", blocks);
            }
        }
    }
}
