//! How long stretches of a route take, and how late they are.
//!
//! Who comes too late goes back in time, and pays for that; so that a late route has a price and can be mended.
//!
//! Source: T. Vidal, T. G. Crainic, M. Gendreau and C. Prins, *A hybrid genetic algorithm with adaptive diversity
//! management for a large class of vehicle routing problems with time-windows*, Computers & Operations Research 40, 2013,
//! section 4.3, <https://doi.org/10.1016/j.cor.2012.07.018>.

/// A stretch of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// How long it takes: service, ways and waiting.
    duration: i64,
    /// How far it goes back in time.
    pub(super) warp: i64,
    /// The earliest and the latest beginning with that duration and that warp.
    open: i64,
    close: i64,
}

impl Stretch {
    /// Returns one stop.
    pub(super) fn new(service: i64, open: i64, close: i64) -> Self {
        Self { duration: service, warp: 0, open, close }
    }

    /// Returns the stretch that this and the next one make, `travel` apart.
    #[inline]
    pub(super) fn join(self, travel: i64, next: Self) -> Self {
        let until = self.duration - self.warp + travel;
        let wait = (next.open - until - self.close).max(0);
        let warp = (self.open + until - next.close).max(0);
        Self {
            duration: self.duration + next.duration + travel + wait,
            warp: self.warp + next.warp + warp,
            open: (next.open - until).max(self.open) - wait,
            close: (next.close - until).min(self.close) + warp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_arrival_goes_back_in_time() {
        // From the depot, open 0 to 100, 10 away, to a stop open until 5: back from 10 to 5. On to one that opens at 40, 5 away.
        let depot = Stretch::new(0, 0, 100);
        let late = depot.join(10, Stretch::new(2, 0, 5));
        assert_eq!(late, Stretch { duration: 12, warp: 5, open: 0, close: 0 });
        // It leaves at 7, is there at 12 and waits 28.
        let both = late.join(5, Stretch::new(0, 40, 50));
        assert_eq!(both, Stretch { duration: 45, warp: 5, open: 0, close: 0 });
    }
}
