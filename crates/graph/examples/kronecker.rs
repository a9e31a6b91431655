//! Writes a Kronecker graph as Matrix Market: `kronecker SCALE SEED > FILE`.
//!
//! 2^SCALE nodes with renamed numbers, 16 edges drawn for each with the probabilities 0.57, 0.19, 0.19, 0.05 of Graph500, loops
//! and repeated edges left out; weights are integers of 1 to 255.
//!
//! Source: J. Leskovec et al., *Kronecker graphs: an approach to modeling networks*, JMLR 11, 2010; S. Beamer, K. Asanović and
//! D. Patterson, *The GAP benchmark suite*, <https://arxiv.org/abs/1508.03619>.

use std::io::{BufWriter, Result, Write};

const EDGES_PER_NODE: u64 = 16;

fn main() -> Result<()> {
    let number =
        |at: usize, default: u64| std::env::args().nth(at).map_or(Some(default), |text| text.parse().ok());
    let (Some(scale @ 1..=28), Some(seed)) = (number(1, 20), number(2, 1)) else {
        return Err(std::io::Error::other("kronecker SCALE SEED, with SCALE in 1..=28"));
    };
    let mut random = Random(seed);
    let n = 1_u64 << scale;
    let mut name: Vec<u32> = (1..=n as u32).collect();
    for i in (1..name.len()).rev() {
        name.swap(i, (random.next() % (i as u64 + 1)) as usize);
    }
    let mut edges: Vec<(u32, u32)> = (0..EDGES_PER_NODE * n)
        .map(|_| {
            let [a, b] = ends(&mut random, scale).map(|end| name[end]);
            (a.max(b), a.min(b))
        })
        .filter(|(a, b)| a != b)
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    writeln!(out, "%%MatrixMarket matrix coordinate integer symmetric\n{n} {n} {}", edges.len())?;
    for (a, b) in edges {
        writeln!(out, "{a} {b} {}", 1 + random.next() % 255)?;
    }
    out.flush()
}

/// Returns the ends of an edge: at each of the levels it falls into one of the four quarters of the matrix.
fn ends(random: &mut Random, scale: u64) -> [usize; 2] {
    (0..scale).fold([0, 0], |[a, b], _| match random.next() % 100 {
        0..57 => [2 * a, 2 * b],
        57..76 => [2 * a, 2 * b + 1],
        76..95 => [2 * a + 1, 2 * b],
        _ => [2 * a + 1, 2 * b + 1],
    })
}

/// The `SplitMix64` generator of S. Vigna, 2015.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
