//! The law that a known-answer program obeys.

/// T(n, p), stated.
///
/// ```text
/// W(n)    = floor + unit · n^exponent · log2(n)^log_exponent
/// T(n, p) = W(n) · (s + (1 − s)/p · (1 + σ·(p − 1) + κ·p·(p − 1)))
/// ```
///
/// With σ = κ = 0 this is Amdahl's law with serial fraction s; with s = 0 it is the USL with contention σ and
/// coherency κ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Time that does not depend on n, in seconds.
    pub floor: f64,
    /// Time of one unit of work, in seconds.
    pub unit: f64,
    /// a in n^a.
    pub exponent: f64,
    /// b in log2(n)^b.
    pub log_exponent: f64,
    /// s, in [0, 1].
    pub serial: f64,
    /// σ, not negative.
    pub contention: f64,
    /// κ, not negative.
    pub coherency: f64,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            floor: 0.0,
            unit: 0.1,
            exponent: 0.0,
            log_exponent: 0.0,
            serial: 0.0,
            contention: 0.0,
            coherency: 0.0,
        }
    }
}

impl Truth {
    /// Returns W(n), the time on one worker, in seconds.
    pub fn work(&self, n: f64) -> f64 {
        self.floor + self.unit * n.powf(self.exponent) * n.log2().powf(self.log_exponent)
    }

    /// Returns the time that all workers spend side by side, in seconds.
    pub fn parallel_time(&self, n: f64, p: u32) -> f64 {
        self.work(n) * (1.0 - self.serial) / f64::from(p)
    }

    /// Returns the time that one worker spends alone while the others wait, in seconds.
    pub fn alone_time(&self, n: f64, p: u32) -> f64 {
        let workers = f64::from(p);
        let overhead = self.contention * (workers - 1.0) + self.coherency * workers * (workers - 1.0);
        self.work(n) * self.serial + self.parallel_time(n, p) * overhead
    }

    /// Returns T(n, p) in seconds.
    pub fn time(&self, n: f64, p: u32) -> f64 {
        self.parallel_time(n, p) + self.alone_time(n, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amdahls_law_by_hand() {
        // 100 s, a quarter serial: 25 s + 75 s / 3.
        let truth = Truth { unit: 100.0, serial: 0.25, ..Truth::default() };
        assert_eq!(truth.time(7.0, 3), 50.0);
    }

    #[test]
    fn universal_scalability_law_by_hand() {
        // 60 s on 4 workers: 15 s · (1 + 0.1·3 + 0.01·12) = 21.3 s.
        let truth = Truth { unit: 60.0, contention: 0.1, coherency: 0.01, ..Truth::default() };
        assert!((truth.time(1.0, 4) - 21.3).abs() < 1e-12);
    }

    #[test]
    fn growth_by_hand() {
        // 0.5 + 0.001 · 1024 · 10.
        let truth = Truth { floor: 0.5, unit: 0.001, exponent: 1.0, log_exponent: 1.0, ..Truth::default() };
        assert!((truth.work(1024.0) - 10.74).abs() < 1e-12);
    }
}
