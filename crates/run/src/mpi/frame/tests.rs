//! Messages come back as they were; damaged ones are refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use festina_types::{Finding, Seconds, Severity, Status, Usage, Workers};
use proptest::prelude::*;

use super::*;
use crate::{Captured, Environment, Input, Launch, Sink};

fn word() -> impl Strategy<Value = OsString> {
    prop::collection::vec(any::<u8>(), 0..8).prop_map(OsString::from_vec)
}

fn byte_vectors() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..5)
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Empty),
        word().prop_map(|path| Input::File(path.into())),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Input::Bytes(Arc::from(bytes))),
    ]
}

fn sink() -> impl Strategy<Value = Sink> {
    let capture = (any::<u64>(), prop::option::of(word()))
        .prop_map(|(limit, spill)| Sink::Capture { limit: Bytes(limit), spill: spill.map(Into::into) });
    prop_oneof![
        Just(Sink::Discard),
        Just(Sink::Inherit),
        word().prop_map(|path| Sink::File(path.into())),
        capture
    ]
}

fn job() -> impl Strategy<Value = Frame> {
    let words = (word(), prop::collection::vec(word(), 0..4), input(), sink(), sink());
    let bounds =
        (any::<Option<u32>>(), any::<Option<u64>>(), any::<Option<i32>>(), 0.0..9.0_f64, any::<bool>());
    (words, bounds).prop_map(
        |((program, arguments, input, output, errors), (n, memory, nice, time, bound))| {
            let mut launch = Launch::new(program, Environment::new()).arguments(arguments);
            (launch.input, launch.output, launch.errors) = (input, output, errors);
            launch.cpus = bound.then(|| "0-2,7".parse().unwrap());
            launch.workers = n.and_then(Workers::new);
            launch.timeout = bound.then_some(Seconds(time));
            launch.memory_limit = memory.map(Bytes);
            launch.nice = nice;
            launch.grace = Seconds(time);
            Frame::Run(Box::new(Job(launch)))
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Finished),
        any::<i32>().prop_map(|code| Status::Failed { code }),
        any::<i32>().prop_map(|signal| Status::Killed { signal }),
        Just(Status::TimedOut),
        Just(Status::OutOfMemory),
        Just(Status::Canceled),
    ]
}

fn captured() -> impl Strategy<Value = Captured> {
    (prop::collection::vec(any::<u8>(), 0..20), any::<u64>(), prop::option::of(word())).prop_map(
        |(bytes, total, spilled)| Captured { bytes, total: Bytes(total), spilled: spilled.map(Into::into) },
    )
}

fn outcome() -> impl Strategy<Value = Frame> {
    let numbers = (any::<[u32; 2]>(), any::<[u64; 5]>(), any::<Option<u64>>(), 0.0..1e6_f64);
    let rest = (status(), captured(), captured(), any::<Option<String>>());
    (numbers, rest).prop_map(|((few, many, some, time), (status, output, errors, hint))| {
        let usage = Usage {
            wall: Seconds(time),
            user: Seconds(time / 3.0),
            system: Seconds(time / 7.0),
            run_delay: some.map(|_| Seconds(time / 9.0)),
            blocked: some.map(|_| Seconds(time / 11.0)),
            peak_rss: Bytes(many[0]),
            peak_processes: few[0],
            peak_threads: few[1],
            voluntary_switches: many[1],
            involuntary_switches: many[2],
            major_faults: many[3],
            minor_faults: many[4],
            read: some.map(Bytes),
            written: some.map(Bytes),
        };
        let finding = Finding { hint, ..Finding::new(Severity::Warning, "left-running", "a process") };
        let started_at = outcome::at(many[0] >> 2);
        Frame::Ended(Box::new(Outcome { status, usage, started_at, output, errors, findings: vec![finding] }))
    })
}

fn failure() -> impl Strategy<Value = Frame> {
    let failure = prop_oneof![
        any::<i32>().prop_map(|errno| Failure::Exhausted { errno }),
        word().prop_map(|path| Failure::NoSpace { path: path.into() }),
        any::<String>().prop_map(|message| Failure::Broken { message }),
        any::<String>().prop_map(|message| Failure::Unfit { message }),
    ];
    failure.prop_map(Frame::Refused)
}

fn setting() -> impl Strategy<Value = Frame> {
    let variables = prop::collection::btree_map(word(), word(), 0..4);
    (variables, prop::option::of(word()), any::<Option<u32>>(), any::<(u32, u32)>()).prop_map(
        |(variables, directory, cores_per_task, local)| {
            let environment = variables.into_iter().collect();
            let directory = directory.map(Into::into);
            Frame::Setting(Box::new(Setting { environment, directory, cores_per_task, local }))
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (any::<String>(), any::<u32>(), any::<u64>()).prop_map(|(host, cpus, memory)| Frame::Hello(Hello {
            host,
            cpus,
            memory: Bytes(memory)
        })),
        setting(),
        job(),
        any::<bool>().prop_map(|is_urgent| Frame::Cancel { is_urgent }),
        (any::<bool>(), prop::collection::vec(any::<u8>(), 0..30)).prop_map(|(is_errors, bytes)| {
            Frame::Spilled { stream: if is_errors { Stream::Errors } else { Stream::Output }, bytes }
        }),
        outcome(),
        failure(),
        (any::<String>(), byte_vectors()).prop_map(|(function, inputs)| Frame::Map { function, inputs }),
        (any::<u64>(), prop::collection::vec(any::<Result<Vec<u8>, String>>(), 0..4))
            .prop_map(|(elapsed_ns, outputs)| Frame::Mapped { elapsed_ns, outputs }),
        Just(Frame::Bye),
        Just(Frame::Taken),
    ]
}

#[test]
fn the_bytes_of_a_message_are_as_documented() {
    let frame = Frame::Map { function: "f".to_owned(), inputs: vec![vec![7], vec![]] };
    let mut expected = vec![VERSION, 8, 5, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0, b'f']);
    expected.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 7]);
    expected.extend([0; 8]);
    assert_eq!(frame.encode(5), expected);
    assert_eq!(Frame::id(&expected), Some(5));
}

#[test]
fn what_is_wrong_with_a_message_is_told() {
    let bye = Frame::Bye.encode(0);
    let version = FrameError::Version { found: 9, wanted: VERSION };
    assert_eq!(Frame::decode(&[9, 10]), Err(version));
    assert_eq!(Frame::decode(&bye[..5]), Err(FrameError::Short { length: 5 }));
    assert_eq!(Frame::decode(&[bye.as_slice(), &[0, 0]].concat()), Err(FrameError::Long { extra: 2 }));
    let unknown = FrameError::Unknown { what: "kind of message", value: 77 };
    assert_eq!(Frame::decode(&[VERSION, 77, 0, 0, 0, 0, 0, 0, 0, 0]), Err(unknown));
    // A list that says to have 2^64 - 1 values reserves nothing.
    let mut endless = Frame::Map { function: String::new(), inputs: vec![] }.encode(1);
    endless[18..].fill(0xff);
    assert_eq!(Frame::decode(&endless), Err(FrameError::Short { length: 26 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn messages_come_back(frame in frame(), id in any::<u64>()) {
        let bytes = frame.encode(id);
        prop_assert_eq!(Frame::id(&bytes), Some(id));
        prop_assert_eq!(Frame::decode(&bytes), Ok((id, frame)));
    }

    #[test]
    fn every_shorter_message_is_refused(frame in frame(), place in any::<prop::sample::Index>()) {
        let bytes = frame.encode(3);
        prop_assert!(Frame::decode(&bytes[..place.index(bytes.len())]).is_err());
    }

    #[test]
    fn damaged_messages_never_panic(
        frame in frame(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = frame.encode(3);
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        // What is still a message is one that reads the same again.
        if let Ok((id, frame)) = Frame::decode(&bytes) {
            let again = frame.encode(id);
            prop_assert_eq!(Frame::decode(&again).map(|(id, frame)| frame.encode(id)), Ok(again));
        }
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 1_u8..12) {
        let message = [&[VERSION, kind], bytes.as_slice()].concat();
        let _ = Frame::decode(&message);
        let _ = Frame::decode(&bytes);
    }
}
