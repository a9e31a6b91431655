//! A rank that does what the first rank asks for.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use festina_machine::CpuSet;
use festina_types::{CancelToken, Function};
use rustix::fs::{Mode, OFlags};

use super::MpiError;
use super::endpoint::Endpoint;
use super::frame::{Failure, Frame, FrameError, Job, Setting, Stream};
use super::ranks::{hello, share};
use crate::native::call_named;
use crate::tasks::{bind, usable_cpus};

use crate::{Captured, Outcome, RunError, Runner, Sink};

/// The parts in which long outputs are sent.
const PART: usize = 1 << 20;

/// So many parts may be on their way.
const PARTS_AHEAD: usize = 4;

/// A message and its id.
type Message = (u64, Frame);

type Tokens = Arc<Mutex<HashMap<u64, CancelToken>>>;

/// What the first rank wants while parts of an output are sent to it.
enum Wanted {
    More,
    Else,
    /// It ends: nobody reads on.
    Nothing,
}

/// What the thread that calls MPI is given for the rank: requests to stop take effect at once, the rest waits.
pub(super) struct Inbox {
    messages: Sender<Vec<u8>>,
    tokens: Tokens,
}

/// The rank's end of the inbox.
pub(super) struct Taken {
    messages: Receiver<Vec<u8>>,
    tokens: Tokens,
}

impl Inbox {
    pub(super) fn new() -> (Self, Taken) {
        let (messages, taken) = mpsc::channel();
        let tokens = Tokens::default();
        (Self { messages, tokens: tokens.clone() }, Taken { messages: taken, tokens })
    }

    pub(super) fn take(&self, bytes: Vec<u8>) {
        if Frame::is_cancel(&bytes)
            && let Ok((id, Frame::Cancel { is_urgent })) = Frame::decode(&bytes)
        {
            let mut tokens = self.tokens.lock().expect("no thread panics while it holds the tokens");
            let token = tokens.entry(id).or_default();
            // The same request may come more than once.
            if !token.is_requested() {
                token.request();
            }
            if is_urgent {
                token.request();
            }
        } else {
            // A rank that is about to end takes no more.
            let _ = self.messages.send(bytes);
        }
    }
}

/// A rank other than the first.
pub(super) struct Worker<'f> {
    endpoint: Endpoint,
    taken: Taken,
    /// Messages that came while parts of an output were sent.
    put_off: VecDeque<Message>,
    functions: &'f [Function],
    /// The CPUs that the launcher left to this rank.
    cpus: CpuSet,
    setting: Option<Setting>,
    runner: Option<Runner>,
}

impl<'f> Worker<'f> {
    pub(super) fn new(endpoint: Endpoint, taken: Taken, functions: &'f [Function]) -> Self {
        let (put_off, cpus) = (VecDeque::new(), usable_cpus());
        Self { endpoint, taken, put_off, functions, cpus, setting: None, runner: None }
    }

    /// Works until the first rank has nothing more to do.
    pub(super) fn work(mut self) -> Result<(), MpiError> {
        self.send(0, &Frame::Hello(hello()));
        loop {
            let message = match self.put_off.pop_front() {
                Some(message) => message,
                None => self.receive()?,
            };
            match message {
                (_, Frame::Setting(setting)) => self.settle(*setting),
                (id, Frame::Run(job)) => self.run(id, *job)?,
                (id, Frame::Map { function, inputs }) => self.map(id, &function, &inputs),
                (_, Frame::Bye) => return self.endpoint.finalize(),
                _ => {}
            }
        }
    }

    fn send(&self, id: u64, frame: &Frame) {
        self.endpoint.send(0, frame.encode(id));
    }

    fn receive(&mut self) -> Result<Message, MpiError> {
        let lost = |_| MpiError::Lost { how: "MPI failed on this rank".to_owned() };
        let bytes = self.taken.messages.recv().map_err(lost)?;
        let unreadable = |source: FrameError| MpiError::Frame { rank: 0, source };
        Frame::decode(&bytes).map_err(unreadable).inspect_err(|_| self.endpoint.abort(1))
    }

    fn settle(&mut self, setting: Setting) {
        self.setting = Some(setting);
        // The next runner is made with the CPUs and the directory of the new setting.
        self.runner = None;
    }

    fn run(&mut self, id: u64, job: Job) -> Result<(), MpiError> {
        let token = {
            let mut tokens = self.taken.tokens.lock().expect("no thread panics while it holds the tokens");
            tokens.entry(id).or_default().clone()
        };
        let reply = match self.outcome(job, &token) {
            Ok((outcome, spills)) => match self.send_spills(id, outcome, spills)? {
                Ok(outcome) => Frame::Ended(Box::new(outcome)),
                Err(error) => Frame::Refused(Failure::from(&error)),
            },
            Err(error) => Frame::Refused(Failure::from(&error)),
        };
        self.taken.tokens.lock().expect("no thread panics while it holds the tokens").remove(&id);
        self.send(id, &reply);
        Ok(())
    }

    /// Runs the program of a job; returns also the files that hold what exceeded the memory for its streams.
    fn outcome(&mut self, job: Job, token: &CancelToken) -> Result<(Outcome, [Option<File>; 2]), RunError> {
        let mut launch = match &self.setting {
            Some(setting) => job.under(setting),
            None => job.0,
        };
        let folder = launch.environment.get("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let spills = [spill_here(&mut launch.output, &folder)?, spill_here(&mut launch.errors, &folder)?];
        if self.runner.is_none() {
            self.bind();
            self.runner = Some(Runner::light()?);
        }
        let runner = self.runner.as_mut().expect("it was made above");
        runner.run(&launch, token, &mut ()).map(|outcome| (outcome, spills))
    }

    /// Binds this thread, and what it starts, to its share of the host's CPUs.
    fn bind(&self) {
        let Some(Setting { cores_per_task, local: (index, count), .. }) = self.setting.as_ref() else {
            return;
        };
        let share = cores_per_task.and_then(|cores| share(&self.cpus, (*index, *count), cores));
        // Not being bound costs time, not the result.
        let _ = bind(share.as_ref().unwrap_or(&self.cpus));
    }

    /// Sends what exceeded the memory for a program's streams, a part at a time.
    fn send_spills(
        &mut self,
        id: u64,
        mut outcome: Outcome,
        spills: [Option<File>; 2],
    ) -> Result<Result<Outcome, RunError>, MpiError> {
        let captured = [&mut outcome.output, &mut outcome.errors];
        for ((captured, file), stream) in
            captured.into_iter().zip(spills).zip([Stream::Output, Stream::Errors])
        {
            let (Some(path), Some(file)) = (&captured.spilled, file) else { continue };
            let path = path.clone();
            if let Err(source) = self.send_parts(id, stream, file)? {
                return Ok(Err(RunError::writing(path, source)));
            }
            // All of it is in the parts.
            *captured = Captured { bytes: Vec::new(), total: captured.total, spilled: Some(path) };
        }
        Ok(Ok(outcome))
    }

    fn send_parts(&mut self, id: u64, stream: Stream, mut file: File) -> Result<io::Result<()>, MpiError> {
        if let Err(error) = file.rewind() {
            return Ok(Err(error));
        }
        let mut ahead = 0;
        loop {
            let mut bytes = Vec::with_capacity(PART);
            match file.by_ref().take(PART as u64).read_to_end(&mut bytes) {
                Ok(0) => break,
                Ok(_) => self.send(id, &Frame::Spilled { stream, bytes }),
                Err(error) => return Ok(Err(error)),
            }
            ahead += 1;
            while ahead == PARTS_AHEAD {
                match self.take_or_put_off(id)? {
                    Wanted::More => ahead -= 1,
                    Wanted::Else => {}
                    Wanted::Nothing => return Ok(Err(io::ErrorKind::Interrupted.into())),
                }
            }
        }
        Ok(Ok(()))
    }

    /// Receives one message, and puts off what does not concern the parts that are sent.
    fn take_or_put_off(&mut self, id: u64) -> Result<Wanted, MpiError> {
        let message = self.receive()?;
        let wanted = match &message {
            (of, Frame::Taken) if *of == id => return Ok(Wanted::More),
            (_, Frame::Taken) => return Ok(Wanted::Else),
            (_, Frame::Bye) => Wanted::Nothing,
            _ => Wanted::Else,
        };
        self.put_off.push_back(message);
        Ok(wanted)
    }

    fn map(&self, id: u64, function: &str, inputs: &[Vec<u8>]) {
        let inputs = inputs.iter().map(Vec::as_slice);
        let (outputs, elapsed_ns) = call_named(self.functions, function, inputs);
        self.send(id, &Frame::Mapped { elapsed_ns, outputs });
    }
}

/// Lets a stream spill into a file of this host that has no name, so that nothing is left of it whatever happens.
fn spill_here(sink: &mut Sink, folder: &Path) -> Result<Option<File>, RunError> {
    let Sink::Capture { spill: Some(spill), .. } = sink else { return Ok(None) };
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| RunError::writing(folder.to_owned(), error.into()))?;
    *spill = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok(Some(File::from(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_stop_do_not_wait_their_turn() {
        let (inbox, taken) = Inbox::new();
        inbox.take(Frame::Bye.encode(0));
        inbox.take(Frame::Cancel { is_urgent: false }.encode(4));
        inbox.take(Frame::Cancel { is_urgent: false }.encode(4));
        assert!(taken.tokens.lock().unwrap()[&4].is_requested());
        assert!(!taken.tokens.lock().unwrap()[&4].is_urgent());
        inbox.take(Frame::Cancel { is_urgent: true }.encode(4));
        assert!(taken.tokens.lock().unwrap()[&4].is_urgent());
        assert_eq!(taken.messages.try_iter().count(), 1);
    }

    #[test]
    fn spills_have_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = Sink::Capture { limit: festina_types::Bytes(1), spill: Some("kept/elsewhere".into()) };
        let mut file = spill_here(&mut sink, folder.path()).unwrap().unwrap();
        let Sink::Capture { spill: Some(path), .. } = sink else { panic!("{sink:?}") };
        std::fs::write(path, "beyond").unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), std::fs::read_dir(folder.path()).unwrap().count()), ("beyond", 0));
        assert!(spill_here(&mut Sink::capture(), folder.path()).unwrap().is_none());
    }
}
