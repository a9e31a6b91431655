//! An initialised MPI.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::marker::PhantomData;

use super::{Library, Status};
use crate::mpi::MpiError;

/// The tag of all messages.
const TAG: c_int = 0x0f35;

/// The longest message that is sent as one: what is longer goes in pieces, of which MPI counts the bytes in an `int`.
const PIECE: usize = 4 << 20;

/// The last byte of a piece says whether it ends a message.
const ENDS: u8 = 1;
const GOES_ON: u8 = 0;

/// An initialised MPI, on the one thread that may call it.
///
/// The bytes of messages between two ranks arrive whole and in the order in which they were sent.
pub(crate) struct World {
    library: Library,
    rank: u32,
    size: u32,
    /// Pieces that MPI may still read, in the order in which they were sent.
    sending: VecDeque<Sending>,
    /// Of each rank the pieces of a message that is not whole yet.
    arriving: Vec<Vec<u8>>,
    /// `MPI_THREAD_FUNNELED`: only the thread that initialised MPI may call it.
    _stays: PhantomData<*mut ()>,
}

/// A piece that is being sent: MPI reads it until the request is complete.
struct Sending {
    request: usize,
    piece: Vec<u8>,
}

impl World {
    /// Initialises MPI. The calling thread is from now on the one that MPI knows.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if it cannot be initialised. Most libraries end the process in that case.
    pub(crate) fn init(library: Library) -> Result<Self, MpiError> {
        let calls = &library.calls;
        let (mut provided, mut rank, mut size) = (0, 0, 0);
        // SAFETY: MPI is initialised once, here, before any other call; null stands for absent arguments.
        unsafe {
            let init = (calls.init_thread)(
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                library.abi.funneled,
                &mut provided,
            );
            check("MPI_Init_thread", init)?;
            check("MPI_Comm_rank", (calls.rank)(library.abi.world, &mut rank))?;
            check("MPI_Comm_size", (calls.size)(library.abi.world, &mut size))?;
        }
        let (rank, size) = (rank.unsigned_abs(), size.unsigned_abs());
        let arriving = vec![Vec::new(); size as usize];
        Ok(Self { library, rank, size, sending: VecDeque::new(), arriving, _stays: PhantomData })
    }

    /// Returns this process's rank.
    pub(crate) fn rank(&self) -> u32 {
        self.rank
    }

    /// Returns the number of ranks.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// Returns the name, the version and the place of the library.
    pub(crate) fn describe(&self) -> String {
        self.library.describe()
    }

    /// Begins to send a message to rank `to`.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if MPI refuses it.
    pub(crate) fn send(&mut self, to: u32, mut message: Vec<u8>) -> Result<(), MpiError> {
        if message.len() < PIECE {
            message.push(ENDS);
            return self.send_piece(to, message);
        }
        let mut rest = message.chunks(PIECE - 1).peekable();
        while let Some(chunk) = rest.next() {
            let mut piece = Vec::with_capacity(chunk.len() + 1);
            piece.extend_from_slice(chunk);
            piece.push(if rest.peek().is_some() { GOES_ON } else { ENDS });
            self.send_piece(to, piece)?;
        }
        Ok(())
    }

    fn send_piece(&mut self, to: u32, piece: Vec<u8>) -> Result<(), MpiError> {
        let mut request = 0;
        let abi = &self.library.abi;
        // SAFETY: the bytes of the piece stay where they are, on the heap, until the request is complete: the piece is
        // dropped only then, or never.
        let code = unsafe {
            (self.library.calls.isend)(
                piece.as_ptr().cast(),
                piece.len() as c_int,
                abi.byte,
                to as c_int,
                TAG,
                abi.world,
                &mut request,
            )
        };
        self.sending.push_back(Sending { request, piece });
        check("MPI_Isend", code)
    }

    /// Drives the messages that are being sent; returns whether there are any left.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if a message could not be sent.
    pub(crate) fn is_sending(&mut self) -> Result<bool, MpiError> {
        let mut index = 0;
        while index < self.sending.len() {
            let (mut is_complete, mut status) = (0, Status::new());
            // SAFETY: the request is one that `MPI_Isend` returned and that is not complete yet.
            let code = unsafe {
                (self.library.calls.test)(&mut self.sending[index].request, &mut is_complete, &mut status)
            };
            check("MPI_Test", code)?;
            if is_complete == 0 {
                index += 1;
            } else {
                self.sending.remove(index);
            }
        }
        Ok(!self.sending.is_empty())
    }

    /// Returns the next message, and the rank that it is from, if a whole one has arrived.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if MPI cannot look for it.
    pub(crate) fn receive(&mut self) -> Result<Option<(u32, Vec<u8>)>, MpiError> {
        while let Some((from, piece)) = self.receive_piece()? {
            let arriving = &mut self.arriving[from as usize];
            match (piece.split_last(), arriving.is_empty()) {
                (Some((&ENDS, _)), true) => {
                    let mut message = piece;
                    message.pop();
                    return Ok(Some((from, message)));
                }
                (Some((&ENDS, bytes)), false) => {
                    arriving.extend_from_slice(bytes);
                    return Ok(Some((from, std::mem::take(arriving))));
                }
                (Some((_, bytes)), _) => arriving.extend_from_slice(bytes),
                (None, _) => {}
            }
        }
        Ok(None)
    }

    fn receive_piece(&mut self) -> Result<Option<(u32, Vec<u8>)>, MpiError> {
        let (calls, abi) = (&self.library.calls, &self.library.abi);
        let (mut is_there, mut length, mut status) = (0, 0, Status::new());
        // SAFETY: all pointers are to values that outlive the calls, which do not keep them.
        unsafe {
            check("MPI_Iprobe", (calls.iprobe)(abi.any_source, TAG, abi.world, &mut is_there, &mut status))?;
            if is_there == 0 {
                return Ok(None);
            }
            check("MPI_Get_count", (calls.get_count)(&status, abi.byte, &mut length))?;
            let from = abi.source(&status);
            let length = usize::try_from(length).unwrap_or(0);
            let mut piece = Vec::<u8>::with_capacity(length);
            let into = piece.as_mut_ptr().cast();
            let code = (calls.recv)(into, length as c_int, abi.byte, from, TAG, abi.world, &mut status);
            check("MPI_Recv", code)?;
            // The message that was probed is the one that is received, and has just this length.
            piece.set_len(length);
            Ok(Some((from.unsigned_abs(), piece)))
        }
    }

    /// Ends all ranks, at once.
    pub(crate) fn abort(&mut self, code: i32) {
        // SAFETY: MPI is initialised. The call does not return, or this process is ended from outside.
        unsafe { (self.library.calls.abort)(self.library.abi.world, code) };
    }

    /// Ends MPI; returns when all ranks have come so far. What is still being sent is sent first.
    ///
    /// # Errors
    ///
    /// [`MpiError::Call`] if MPI cannot be ended in order.
    pub(crate) fn finalize(mut self) -> Result<(), MpiError> {
        while self.is_sending()? {
            std::thread::yield_now();
        }
        // SAFETY: MPI is initialised, and as `self` is consumed no call follows.
        check("MPI_Finalize", unsafe { (self.library.calls.finalize)() })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Without `MPI_Finalize` MPI may still read what is being sent: it is never freed.
        for sending in self.sending.drain(..) {
            std::mem::forget(sending.piece);
        }
    }
}

fn check(call: &'static str, code: c_int) -> Result<(), MpiError> {
    match code {
        0 => Ok(()),
        code => Err(MpiError::Call { call, code }),
    }
}
