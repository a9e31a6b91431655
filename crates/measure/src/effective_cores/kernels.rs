//! What the workers do: two kinds of work at the ends of what programs do.

use std::hint::black_box;

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// Interpreted code: a loop that decodes instructions and jumps, with all of its data in the first-level cache.
    /// Python, R and compiled programs that branch are like it; they lose where two hardware threads share a core.
    Interpreter,
    /// A sum over numbers that are read one after the other from memory beyond the caches. Programs that walk large
    /// arrays are like it; they lose where cores share the way to memory.
    Memory,
}

impl Kernel {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Interpreter, Self::Memory];

    /// Returns a worker's own work, with data of its own, `memory` of it where it walks through memory.
    pub(super) fn work(self, seed: u64, memory: Bytes) -> Work {
        match self {
            Self::Interpreter => Work::Interpreter(Interpreter::new(seed)),
            Self::Memory => Work::Memory(Memory::new(seed, memory)),
        }
    }
}

/// A worker's work, which goes on by units of some microseconds.
pub(super) enum Work {
    Interpreter(Interpreter),
    Memory(Memory),
}

impl Work {
    pub(super) fn unit(&mut self) {
        match self {
            Self::Interpreter(work) => work.unit(),
            Self::Memory(work) => work.unit(),
        }
    }
}

/// A machine of eight registers, and its program.
pub(super) struct Interpreter {
    program: Vec<Instruction>,
    registers: [u64; 8],
}

#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
}

impl Interpreter {
    /// Long enough that branch predictors don't know it by heart, short enough for the first-level cache.
    const LENGTH: u64 = 2048;

    fn new(seed: u64) -> Self {
        let draw = |at: u64| mix(seed << 32 | at);
        let instruction = |at: u64| {
            let bits = draw(at).to_le_bytes();
            Instruction { code: bits[0] % 6, to: bits[1] % 8, from: bits[2] % 8 }
        };
        let program = (0..Self::LENGTH).map(instruction).collect();
        Self { program, registers: std::array::from_fn(|at| draw(Self::LENGTH + at as u64)) }
    }

    /// Runs the program once.
    fn unit(&mut self) {
        let registers = &mut self.registers;
        for instruction in black_box(&self.program) {
            let to = usize::from(instruction.to & 7);
            let from = registers[usize::from(instruction.from & 7)];
            registers[to] = match instruction.code {
                0 => registers[to].wrapping_add(from),
                1 => registers[to] ^ (from << 7),
                2 => registers[to].rotate_left(11),
                3 => registers[to].wrapping_mul(from | 1),
                4 if from & 1 == 0 => registers[to] >> 1,
                4 => registers[to].wrapping_add(0x9E37_79B9),
                _ => registers[to].wrapping_sub(from),
            };
        }
        black_box(&self.registers);
    }
}

/// Numbers in memory, and how far they were read.
pub(super) struct Memory {
    numbers: Vec<u64>,
    next: usize,
    sum: u64,
}

impl Memory {
    /// 256 KiB.
    const UNIT: usize = 1 << 15;

    /// Takes `memory` in whole units, one at least.
    fn new(seed: u64, memory: Bytes) -> Self {
        let units = (memory.0 as usize / size_of::<u64>() / Self::UNIT).max(1);
        let length = (units * Self::UNIT) as u64;
        Self { numbers: (0..length).map(|at| seed ^ at).collect(), next: 0, sum: 0 }
    }

    /// Reads the next part, from the beginning again at the end.
    fn unit(&mut self) {
        let part = black_box(&self.numbers[self.next..self.next + Self::UNIT]);
        self.sum = part.iter().fold(self.sum, |sum, number| sum.wrapping_add(*number));
        self.next = (self.next + Self::UNIT) % self.numbers.len();
        black_box(self.sum);
    }
}

/// `SplitMix64`'s output function: bits that look drawn, for a number (Steele, Lea and Flood, 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_does_all_its_instructions_and_keeps_its_state() {
        let mut one = Interpreter::new(1);
        let mut codes: Vec<u8> = one.program.iter().map(|instruction| instruction.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
        let before = one.registers;
        one.unit();
        assert_ne!(one.registers, before);
        let mut two = Interpreter::new(1);
        two.unit();
        assert_eq!(one.registers, two.registers, "the same work for the same seed");
    }

    #[test]
    fn memory_is_read_from_end_to_end_and_again() {
        let mut memory = Memory::new(0, Bytes(3 << 20));
        (0..12).for_each(|_| memory.unit());
        let last = (3 << 20) / 8 - 1;
        assert_eq!((memory.next, memory.sum), (0, last * (last + 1) / 2), "Gauss's sum");
    }
}
