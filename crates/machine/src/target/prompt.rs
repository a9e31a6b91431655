//! A thread of ours that is put on a CPU soon after it wakes: with a short slice (`sched_setattr`).
//!
//! Since Linux 6.12, a thread of the usual policy may ask for shorter slices than others have. It gets no more CPU time than before,
//! but as long as it took less than its share it takes the place of one with a longer slice. Earlier kernels ignore it.

#![allow(unsafe_code, reason = "no safe wrapper of sched_setattr exists")]

/// The slice that is asked for: the shortest there is.
const SLICE_NS: u64 = 100_000;
const SCHED_OTHER: u32 = 0;

/// `struct sched_attr` in its first version, which all kernels take.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// While it lives, the thread that made it is put on a CPU soon after it wakes, where the kernel can do so.
#[derive(Debug)]
pub struct PromptThread {
    before: Option<Attributes>,
}

impl PromptThread {
    /// Makes the calling thread prompt; nothing is altered where it has another policy than the usual.
    pub fn new() -> Self {
        let before = attributes().filter(|before| before.policy == SCHED_OTHER);
        if let Some(before) = before {
            set(&Attributes { runtime_ns: SLICE_NS, ..before });
        }
        Self { before }
    }
}

impl Default for PromptThread {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PromptThread {
    fn drop(&mut self) {
        // Where the kernel tells none, 0 gives the usual slice back.
        self.before.iter().for_each(set);
    }
}

/// Returns the attributes of the calling thread.
fn attributes() -> Option<Attributes> {
    let mut attributes = Attributes::default();
    let size = size_of::<Attributes>();
    // SAFETY: the kernel writes at most `size` bytes.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    (result == 0).then_some(Attributes { size: size as u32, flags: 0, ..attributes })
}

fn set(attributes: &Attributes) {
    // SAFETY: the kernel reads `size` bytes of them, and keeps no pointer to them.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_is_asked_for_and_given_back() {
        let prompt = PromptThread::new();
        let Some((before, during)) = prompt.before.zip(attributes()) else {
            assert!(attributes().is_none_or(|own| own.policy != SCHED_OTHER));
            return;
        };
        drop(prompt);
        let after = attributes().unwrap();
        assert_eq!((during.policy, during.nice), (before.policy, before.nice));
        assert_eq!(
            (after.policy, after.nice, after.runtime_ns),
            (before.policy, before.nice, before.runtime_ns)
        );
        // Kernels before 6.12 tell 0, others what was asked for.
        assert!([0, SLICE_NS].contains(&during.runtime_ns), "{during:?}");
    }
}
