//! The backend `processes`.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use festina_run::processes::{Processes, ProcessesError, ProcessesLaunch};
use festina_run::{Environment, Threads};
use festina_types::{Backend, BackendError, CancelToken, Function, Workers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::functions::{DIE, DIE_ONCE, DIGEST, REVERSE, SLEEP, UNREGISTERED, WHO};

/// Set for a program that does not let workers in.
pub(crate) const STRANGER: &str = "FESTINA_TEST_STRANGER";

pub(crate) fn launch(workers: u32) -> ProcessesLaunch {
    ProcessesLaunch::new(Workers::new(workers).unwrap(), std::env::vars_os().collect())
}

fn start(workers: u32) -> Processes {
    Processes::start(launch(workers)).unwrap()
}

/// The reference: a loop.
pub(crate) fn serial(function: Function, inputs: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError> {
    let call = |(task, input): (usize, &Vec<u8>)| {
        let output = std::panic::catch_unwind(|| (function.call)(input));
        output
            .unwrap_or_else(|_| Err("panicked: seven".to_owned()))
            .map_err(|message| BackendError::Task { task, message })
    };
    inputs.iter().enumerate().map(call).collect()
}

/// Panics of functions are part of the tests, and nobody wants to read them.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = work();
    std::panic::set_hook(former);
    result
}

pub(crate) fn any_job() {
    let (two, threads) = (start(2), Threads::new(Workers::new(2).unwrap()));
    let many: Vec<Vec<u8>> = (0..30_000_u32).map(|n| n.to_be_bytes().into()).collect();
    assert_eq!(two.map(REVERSE, many.clone()), serial(REVERSE, &many));
    assert_eq!(two.map(REVERSE, Vec::new()), Ok(Vec::new()));
    let unknown = two.map(UNREGISTERED, vec![Vec::new(); 3]);
    let message = "no function is called 'unregistered' in the other processes".to_owned();
    assert_eq!(unknown, Err(BackendError::Task { task: 0, message }));
    let inputs = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..60);
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let result = quietly(|| {
        TestRunner::new(config).run(&inputs, |inputs| {
            let expected = serial(DIGEST, &inputs);
            prop_assert_eq!(&two.map(DIGEST, inputs.clone()), &expected);
            prop_assert_eq!(&threads.map(DIGEST, inputs), &expected);
            Ok(())
        })
    });
    result.unwrap();
}

pub(crate) fn long_values() {
    let two = start(2);
    let lengths = [0, 1, 4095, 4096, 32_768, 32_769, 1 << 20, (1 << 20) + 1, 20_000_000];
    let long: Vec<Vec<u8>> = lengths.map(|n: usize| (0..n).map(|i| (i % 251) as u8).collect()).into();
    assert!(two.map(REVERSE, long.clone()) == serial(REVERSE, &long));
}

pub(crate) fn stream() {
    let two = start(2);
    let (mut seen, mut n_pulled, mut most) = (vec![0; 5000], std::cell::Cell::new(0_usize), 0);
    let pulled = &mut n_pulled;
    let mut inputs = (0..5000_u32).inspect(|_| pulled.set(pulled.get() + 1)).map(|n| n.to_le_bytes().into());
    let mut n_taken = 0;
    let mut take = |task: usize, outcome: Result<Vec<u8>, BackendError>| {
        let reversed: Vec<u8> = (task as u32).to_be_bytes().into();
        assert_eq!(outcome, Ok(reversed));
        (seen[task], n_taken) = (seen[task] + 1, n_taken + 1);
        most = most.max(pulled.get() - n_taken);
        ControlFlow::Continue(())
    };
    two.stream(REVERSE, &mut inputs, &mut take).unwrap();
    assert!(seen.iter().all(|times| *times == 1));
    assert!(most < 5000, "{most} of 5000 were under way at the same time");
}

pub(crate) fn killed_once() {
    let (two, folder) = (start(2), tempfile::tempdir().unwrap());
    let path = |n: usize| folder.path().join(format!("died-{n}")).into_os_string().into_encoded_bytes();
    // One in two hundred ends its worker the first time.
    let inputs = (0..1000).map(|n| if n % 200 == 50 { path(n) } else { Vec::new() }).collect();
    assert_eq!(two.map(DIE_ONCE, inputs), Ok(vec![b"alive".to_vec(); 1000]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
}

pub(crate) fn deadly() {
    let two = start(2);
    for (way, how) in [("k", "SIGKILL"), ("a", "SIGABRT"), ("x", "exit code 3")] {
        let mut inputs = vec![b"-".to_vec(); 300];
        inputs[123] = way.into();
        match two.map(DIE, inputs) {
            Err(error @ BackendError::Deadly { task: 123, times: 3, .. }) => {
                assert!(error.to_string().contains(how), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(two.map(DIE, vec![b"-".to_vec()]), Ok(vec![b"-".to_vec()]), "the workers were replaced");
}

pub(crate) fn deadly_in_stream() {
    let (two, mut deadly, mut n_alive) = (start(2), Vec::new(), 0);
    let mut inputs = (0..400).map(|n| if n % 133 == 100 { b"k".to_vec() } else { vec![b'-'] });
    let mut take = |task: usize, outcome: Result<Vec<u8>, BackendError>| {
        match outcome {
            Ok(_) => n_alive += 1,
            Err(error) => {
                assert!(matches!(error, BackendError::Deadly { task: named, .. } if named == task));
                deadly.push(task);
            }
        }
        ControlFlow::Continue(())
    };
    two.stream(DIE, &mut inputs, &mut take).unwrap();
    deadly.sort_unstable();
    assert_eq!((deadly, n_alive), (vec![100, 233, 366], 397));
}

pub(crate) fn kept() {
    let two = start(2);
    let workers =
        || -> HashSet<Vec<u8>> { two.map(WHO, vec![Vec::new(); 500]).unwrap().into_iter().collect() };
    let first = workers();
    assert!((1..=2).contains(&first.len()), "{first:?}");
    let all: HashSet<Vec<u8>> = (0..20).flat_map(|_| workers()).chain(first).collect();
    assert!(all.len() <= 2, "{all:?}");
    assert!(!all.contains(std::process::id().to_le_bytes().as_slice()));
}

pub(crate) fn canceled() {
    let cancel = CancelToken::new();
    let two = Processes::start(ProcessesLaunch { cancel: cancel.clone(), ..launch(2) }).unwrap();
    let begin = Instant::now();
    let asker = std::thread::spawn(move || {
        // Real time: the tasks are to have begun.
        std::thread::sleep(Duration::from_millis(200));
        cancel.request();
        cancel.request();
    });
    let minute = 60_000_u64.to_le_bytes().to_vec();
    assert_eq!(two.map(SLEEP, vec![minute; 4]), Err(BackendError::Canceled));
    assert!(begin.elapsed() < Duration::from_secs(20));
    asker.join().unwrap();
}

pub(crate) fn panic_of_taker() {
    let two = start(2);
    let stream = std::panic::AssertUnwindSafe(|| {
        let mut take = |_, _| std::panic::resume_unwind(Box::new("enough"));
        two.stream(REVERSE, &mut (0..99).map(|n| vec![n]), &mut take)
    });
    assert!(std::panic::catch_unwind(stream).is_err());
    assert_eq!(two.map(REVERSE, vec![vec![1, 2]]), Ok(vec![vec![2, 1]]));
}

pub(crate) fn nested() {
    let (one, mut inner) = (start(1), None);
    let mut take = |_, _| {
        inner = Some(one.map(REVERSE, vec![vec![1]]));
        ControlFlow::Continue(())
    };
    one.stream(REVERSE, &mut std::iter::once(vec![1]), &mut take).unwrap();
    assert!(matches!(inner, Some(Err(BackendError::Lost { .. }))), "{inner:?}");
}

pub(crate) fn turns() {
    let two = start(2);
    let map = &|first: u8| {
        let inputs: Vec<Vec<u8>> = (0..500_u16).map(|n| vec![first, n as u8]).collect();
        assert_eq!(two.map(REVERSE, inputs.clone()), serial(REVERSE, &inputs));
    };
    std::thread::scope(|scope| (0..4).for_each(|first| drop(scope.spawn(move || map(first)))));
}

/// A program that does not enter, and starts workers: of itself, as it thinks.
pub(crate) fn stranger(environment: Environment) -> ExitCode {
    let launch = ProcessesLaunch::new(Workers::MIN, environment);
    match Processes::start(launch) {
        Err(ProcessesError::IsWorker) => ExitCode::from(41),
        other => panic!("{:?}", other.err()),
    }
}

pub(crate) fn strangers() {
    let mut environment: Environment = std::env::vars_os().collect();
    environment.set(STRANGER, "1");
    let launch = ProcessesLaunch { environment, ..launch(2) };
    match Processes::start(launch.clone()).err().unwrap() {
        error @ ProcessesError::Silent { .. } => {
            assert!(error.to_string().ends_with("exit code 41"), "{error}");
            assert!(error.hint().unwrap().contains("processes::enter"));
        }
        other => panic!("{other:?}"),
    }
    let program = Some("/nowhere/worker".into());
    let error = Processes::start(ProcessesLaunch { program, ..launch }).err().unwrap();
    assert!(matches!(error, ProcessesError::Start(_)), "{error:?}");
}

pub(crate) fn leaks() {
    let n_open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let two = start(2);
    let long = vec![vec![1; 100_000]; 20];
    two.map(REVERSE, long.clone()).unwrap();
    let before = n_open();
    for _ in 0..10 {
        two.map(REVERSE, long.clone()).unwrap();
        assert!(two.map(DIE, vec![b"k".to_vec()]).is_err());
    }
    // Other tests open some at the same time.
    assert!(n_open() < before + 60, "{} files, {before} before", n_open());
}
