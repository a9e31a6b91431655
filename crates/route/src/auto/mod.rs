//! The default method: the best tour for the time given, on all workers.
//!
//! A greedy tour is settled by Lin–Kernighan at once. Then, where the budget is large for the number of cities, a
//! population of such tours goes through edge assembly crossover; where it is small, the one tour is kicked and
//! repaired piece by piece. The lower bound climbs beside the search. Only values go to workers and come back: whatever
//! runs them, the same work gives the same tour.

mod pieces;
mod population;
pub(crate) mod tasks;
pub(crate) mod wire;

use festina_types::Backend;

use crate::bound::certificate::Certificate;
use crate::construct::{Construct, greedy};
use crate::error::RouteError;
use crate::local::random::Random;
use crate::model::Model;
use crate::request::{Budget, Limit, Request};
use crate::solution::{Progress, gap};
use crate::space::candidates::Candidates;
use pieces::Pieces;
use population::Population;
use tasks::{Common, Improve, ascended, certified, improved, map};

/// Candidates for each node.
const CANDIDATES: usize = 8;

/// Lanes of a search whose budget is work: the same on any number of workers.
const LANES: usize = 4;

/// Fewer nodes than this are not cut into pieces.
const UNCUT: usize = 4000;

/// From this many nodes on, the bound gets less of the budget.
const MANY: usize = 50_000;

/// The share of the budget that is spent before a proof is tried.
const BEFORE_PROOF: f64 = 0.25;

/// The most nodes in a piece.
const PIECE: usize = 50_000;

/// What no kick takes less than, in seconds: a clock may not have moved.
const FASTEST_KICK_S: f64 = 1e-7;

/// The share of a time limit that the last round may take.
const LAST_ROUND: f64 = 0.02;

/// The search, its best tour and its bound.
pub(crate) struct Auto<'a> {
    model: &'a Model,
    candidates: Candidates,
    common: Common,
    request: &'a Request,
    budget: &'a Budget<'a>,
    backend: &'a dyn Backend,
    report: &'a mut dyn FnMut(&Progress),
    random: Random,
    limit: Limit,
    streams: u64,
    best: Vec<u32>,
    cost: i64,
    climb: Climb,
    /// Seconds that one worker takes for one kick, as far as known.
    kick_s: f64,
    /// Seconds that a round takes without a kick.
    round_s: f64,
    /// Whether kicks are being timed: nothing else may run beside them.
    is_calibrating: bool,
    /// Whether the first tour is settled, which is over before a task of the bound would be.
    is_settling: bool,
    /// Whether there is no time for another round.
    is_spent: bool,
    /// The share of the budget that is the search's own.
    share: f64,
    /// Whether a population has become one tour.
    has_evolved: bool,
}

/// The ascent: how far it is, and what it proved.
struct Climb {
    multipliers: Vec<f64>,
    value: f64,
    /// Chunks of steps that are still to be done.
    chunks: u32,
    steps: usize,
    is_certified: bool,
    certificate: Option<Certificate>,
}

/// Chunks that the steps of an ascent are cut into.
const CHUNKS: u32 = 4;

/// λ of the first step of an ascent and of the last.
const LAMBDA: (f64, f64) = (1.5, 0.01);

impl<'a> Auto<'a> {
    /// Returns the search with its first tour, which `construct` makes, or the greedy one.
    ///
    /// # Errors
    ///
    /// [`RouteError::Backend`].
    pub(crate) fn new(
        model: &'a Model,
        request: &'a Request,
        budget: &'a Budget<'a>,
        backend: &'a dyn Backend,
        report: &'a mut dyn FnMut(&Progress),
        construct: Option<&Construct>,
    ) -> Result<Self, RouteError> {
        let candidates = tasks::candidates(model, CANDIDATES, backend)?;
        let mut random = Random::new(request.seed, 0);
        let best = match construct {
            Some(construct) => construct(model, &candidates),
            None => greedy::tour(model, &candidates, 0.0, &mut random),
        };
        let cost = model.length(&best);
        let common = Common::new(model, &candidates);
        let n = model.n();
        let climb = Climb {
            multipliers: vec![0.0; n],
            value: 0.0,
            chunks: if request.bound { CHUNKS } else { 0 },
            steps: 0,
            is_certified: !request.bound,
            certificate: None,
        };
        let mut auto = Self {
            model,
            candidates,
            common,
            request,
            budget,
            backend,
            report,
            random,
            limit: match budget.limit() {
                Limit::None => Limit::Work(default_work(n)),
                limit => limit,
            },
            streams: 1,
            best,
            cost,
            climb,
            kick_s: 1e-4,
            round_s: 0.0,
            is_calibrating: false,
            is_settling: false,
            is_spent: false,
            share: 1.0,
            has_evolved: false,
        };
        auto.climb.steps = auto.ascent_steps();
        auto.tell();
        Ok(auto)
    }

    /// Returns what proves the bound.
    pub(crate) fn into_certificate(self) -> Option<Certificate> {
        self.climb.certificate
    }

    /// Searches with populations and pieces until the budget is spent or the goal is reached; with `once`, until one
    /// population has become one tour.
    pub(crate) fn run(&mut self, once: bool) -> Result<(), RouteError> {
        if once {
            self.share = BEFORE_PROOF;
        }
        self.settle()?;
        self.calibrate()?;
        while !self.is_done() {
            let size = population_size(self.kicks_left() / self.model.n() as f64, self.model.n());
            if size >= SMALLEST && (8..=LARGEST_BRED).contains(&self.model.n()) {
                self.evolve(size)?;
            } else {
                self.polish()?;
            }
            if once {
                break;
            }
        }
        self.finish_bound()
    }

    /// Lin–Kernighan alone: settles, and kicks while the caller's budget lasts.
    pub(crate) fn run_iterated(&mut self) -> Result<(), RouteError> {
        self.settle()?;
        if self.budget.limit() != Limit::None {
            self.calibrate()?;
            while !self.is_done() {
                self.polish()?;
            }
        }
        self.finish_bound()
    }

    /// Returns the length of the best tour, and the best tour.
    pub(crate) fn best(&self) -> (&[u32], i64) {
        (&self.best, self.cost)
    }

    /// Returns the bound, if there is one.
    pub(crate) fn bound(&self) -> Option<i64> {
        self.climb.certificate.as_ref().map(|certificate| certificate.bound)
    }

    /// Returns the share of the budget that is left.
    fn left(&self) -> f64 {
        match (self.budget.limit(), self.limit) {
            (Limit::None, Limit::Work(work)) if !self.budget.is_canceled() => {
                work.saturating_sub(self.budget.work()) as f64 / work as f64
            }
            _ => self.budget.left(),
        }
    }

    fn is_done(&self) -> bool {
        self.is_spent || self.left() <= 0.0 || self.is_good_enough()
    }

    /// Returns whether the tour is as good as was asked for, or optimal.
    pub(crate) fn is_good_enough(&self) -> bool {
        let bound = self.bound();
        let gap = gap(self.cost, bound);
        gap == Some(0.0) || self.request.gap.is_some_and(|goal| gap.is_some_and(|gap| gap <= goal))
    }

    /// Returns whether the budget is work, and nothing may depend on the clock.
    fn is_deterministic(&self) -> bool {
        !matches!(self.limit, Limit::Time(_))
    }

    fn lanes(&self) -> usize {
        if self.is_deterministic() { LANES } else { self.backend.workers().get() as usize }
    }

    /// Returns how many kicks the rest of the budget allows, over all workers.
    fn kicks_left(&self) -> f64 {
        let kicks = match self.limit {
            Limit::Time(_) => self.seconds_left() / self.kick_s * f64::from(self.backend.workers().get()),
            Limit::Work(limit) => self.left() * limit as f64,
            Limit::None => f64::MAX,
        };
        kicks * self.share
    }

    /// Returns how many seconds are left, where time is the limit.
    fn seconds_left(&self) -> f64 {
        match self.limit {
            Limit::Time(limit) => self.left() * limit.0,
            _ => f64::MAX,
        }
    }

    fn stream(&mut self) -> u64 {
        self.streams += 1;
        self.streams
    }

    /// Takes `order` as the best tour if it is shorter.
    fn offer(&mut self, order: &[u32], cost: i64) {
        if cost < self.cost {
            self.best.clear();
            self.best.extend_from_slice(order);
            self.cost = cost;
            self.tell();
        }
    }

    fn tell(&mut self) {
        let bound = self.bound();
        let progress = Progress {
            elapsed_s: self.budget.elapsed().0,
            cost: self.cost,
            bound,
            gap: gap(self.cost, bound),
        };
        (self.report)(&progress);
    }

    /// Settles the first tour: whole, or in pieces where there are many nodes.
    fn settle(&mut self) -> Result<(), RouteError> {
        self.is_settling = true;
        let settled = self.round(0, true);
        self.is_settling = false;
        settled
    }

    /// Learns what a round takes, and a kick.
    fn calibrate(&mut self) -> Result<(), RouteError> {
        if !self.is_deterministic() && !self.is_done() {
            self.kick_s = 0.0;
            self.is_calibrating = true;
            let before = self.budget.elapsed().0;
            self.round(0, false)?;
            self.round_s = self.budget.elapsed().0 - before;
            // So many that cutting the tour into pieces counts little beside them, and so few that the limit is kept.
            let n = self.model.n() as u64;
            self.round(200 + (n / 10).min(2000).max(n / 100), false)?;
            self.is_calibrating = false;
        }
        Ok(())
    }

    /// Kicks and repairs for a while.
    fn polish(&mut self) -> Result<(), RouteError> {
        let lanes = self.lanes() as f64;
        let share = match self.limit {
            Limit::Time(limit) => {
                // Rounds that halve what is left end close to the limit whatever the machine does meanwhile.
                let left = self.seconds_left() - self.round_s;
                self.is_spent = left < 3.0 * self.round_s + LAST_ROUND * limit.0;
                let share = if self.is_spent { 0.9 } else { 0.5 };
                (share * left).clamp(0.0, self.longest_round()) / self.kick_s
            }
            Limit::Work(limit) => (limit as f64 / lanes / 10.0).min(self.kicks_left() / lanes).max(100.0),
            Limit::None => 1e4,
        };
        self.round(share.max(1.0) as u64, false)
    }

    /// Returns the longest that a round may take, in seconds: long enough for what cutting costs and for a sweep over large pieces,
    /// and short where borders matter more. 0.1 s at 10⁴ nodes, 2 s at 10⁵.
    fn longest_round(&self) -> f64 {
        (2.0 * (self.model.n() as f64 / 1e5).powf(1.3)).clamp(0.1, 5.0)
    }

    /// Improves the best tour by `kicks` on each lane.
    fn round(&mut self, kicks: u64, settle: bool) -> Result<(), RouteError> {
        let before = self.budget.elapsed().0;
        let is_cut = self.model.n() >= UNCUT && self.model.embedding().is_some();
        let is_alone = self.is_calibrating || self.is_bound_settled();
        if is_cut {
            self.cut_round(kicks, settle)?;
        } else {
            self.whole_round(kicks, settle)?;
        }
        let spent = self.budget.elapsed().0 - before;
        let spent = spent - self.round_s.min(0.8 * spent);
        if kicks > 100 && !settle && is_alone {
            let lanes = (self.lanes() as f64 / f64::from(self.backend.workers().get())).max(1.0);
            let now = spent / (kicks as f64 * lanes);
            self.kick_s = if self.kick_s > 0.0 { 0.5 * (self.kick_s + now) } else { now.max(FASTEST_KICK_S) };
        }
        let work = if settle { self.model.n() as u64 / 50 } else { kicks * self.lanes() as u64 };
        self.budget.spend(work.max(1));
        Ok(())
    }

    /// Every lane improves the same tour with other kicks; the best remains.
    fn whole_round(&mut self, kicks: u64, settle: bool) -> Result<(), RouteError> {
        let lanes = if settle { 1 } else { self.lanes() };
        let jobs: Vec<Improve> = (0..lanes).map(|_| self.job(self.best.clone(), kicks, settle)).collect();
        let inputs = jobs.iter().map(|job| self.common.improve(job)).collect();
        for output in self.map_with_bound(inputs)? {
            let (order, gain) = improved(&output)?;
            let cost = self.model.length(&order);
            debug_assert!(gain >= 0, "kicks that lengthen the tour are taken back");
            self.offer(&order, cost);
        }
        Ok(())
    }

    fn job(&mut self, order: Vec<u32>, kicks: u64, settle: bool) -> Improve {
        let stream = self.stream();
        Improve { order, noise: 0.0, settle, kicks, seed: self.request.seed, stream }
    }

    /// Each lane improves a piece of the tour.
    fn cut_round(&mut self, kicks: u64, settle: bool) -> Result<(), RouteError> {
        let n = self.model.n();
        let lanes = self.lanes();
        let count = lanes.max(n.div_ceil(PIECE)).next_multiple_of(lanes);
        let offset = self.random.below(n);
        let cuts: Vec<usize> = (0..=count).map(|i| offset + i * n / count).collect();
        let pieces = Pieces::new(self.model, &self.best, &cuts);
        let kicks = kicks * lanes as u64 / count as u64;
        let mut jobs: Vec<Improve> = cuts[1..].iter().map(|_| self.job(Vec::new(), kicks, settle)).collect();
        // The worker that does the bound's task first has less time for its piece. (More and smaller pieces would share the work
        // out as well, but stretches of a tour are so ragged that most nodes of small ones lie at a border.)
        if let Some(last) = jobs.last_mut().filter(|_| lanes > 1 && !self.is_calibrating) {
            last.kicks -= kicks.min(self.kicks_for_bound() as u64);
        }
        let inputs = pieces.tasks(self.model, &self.candidates, jobs);
        let outputs = self.map_with_bound(inputs)?;
        let mut order = self.best.clone();
        let mut gain = 0;
        for (piece, output) in pieces.all.iter().zip(&outputs) {
            let (path, shorter) = improved(output)?;
            piece.put_back(&mut order, &path);
            gain += shorter;
        }
        let cost = self.cost - gain;
        debug_assert_eq!(cost, self.model.length(&order), "pieces count what they gain");
        self.offer(&order, cost);
        Ok(())
    }

    /// Makes a population as large as the budget allows, and lets it mate until it has become one.
    fn evolve(&mut self, size: usize) -> Result<(), RouteError> {
        let n = self.model.n();
        let after_seeds = (1.0 - kicks_per_seed(n) / kicks_per_tour(size as f64, n)) * self.kicks_left();
        let mut tours = vec![];
        while tours.len() < size && !self.is_done() {
            let to_seeds = (self.kicks_left() - after_seeds).max(0.0);
            let kicks = (to_seeds / (size - tours.len()) as f64) as u64;
            // While one worker is busy with the bound, the others make more.
            let meanwhile = self.kicks_for_bound() / (kicks as f64 + 1.0);
            let batch = self.lanes() + ((self.lanes() - 1) as f64 * meanwhile) as usize;
            let batch = batch.min(size - tours.len());
            let noisy = |job: Improve| Improve { order: Vec::new(), noise: 0.2, settle: true, ..job };
            let jobs: Vec<Improve> = (0..batch).map(|_| noisy(self.job(Vec::new(), kicks, true))).collect();
            let inputs = jobs.iter().map(|job| self.common.improve(job)).collect();
            for output in self.map_with_bound(inputs)? {
                let (order, _) = improved(&output)?;
                let cost = self.model.length(&order);
                self.offer(&order, cost);
                tours.push((order, cost));
            }
            self.budget.spend(batch as u64 * (kicks + n as u64 / 50));
        }
        if tours.len() < 3 {
            return Ok(());
        }
        if self.has_evolved {
            tours.push((self.best.clone(), self.cost));
        }
        self.has_evolved = true;
        let mut population = Population::new(tours);
        let mut seconds = 0.0;
        let mut stale = 0;
        let mut done = 0;
        while !self.is_done() && stale < 3 {
            if self.seconds_left() < 1.2 * seconds {
                return self.polish();
            }
            let before = self.budget.elapsed().0;
            let (common, backend) = (&self.common, self.backend);
            let replaced = population.generation(common, backend, &mut self.random)?;
            let (order, cost) = population.best();
            let (order, cost) = (order.clone(), *cost);
            self.offer(&order, cost);
            let now = self.budget.elapsed().0 - before;
            // One slow generation of a busy machine says little of the next.
            seconds = if done == 0 { now } else { 0.8 * seconds + 0.2 * now };
            done += 1;
            if done % 10 == 5 {
                let size = affordable_size(population.tours.len(), n, done, self.seconds_left() / seconds);
                population.shrink(size);
            }
            self.budget.spend(population.tours.len() as u64 * work_per_mating(n));
            stale = if replaced == 0 { stale + 1 } else { 0 };
        }
        Ok(())
    }

    /// Returns the steps of the ascent that the budget allows.
    fn ascent_steps(&self) -> usize {
        let share = if self.model.n() < MANY { 0.12 } else { 0.06 };
        let affordable = share * self.kicks_left() / self.kicks_per_step();
        affordable.clamp(16.0, 800.0) as usize
    }

    /// Returns how many kicks take as long as one step of the ascent.
    fn kicks_per_step(&self) -> f64 {
        self.model.n() as f64 / 150.0
    }

    /// Returns about how long the check of the multipliers over the complete graph takes, in seconds.
    fn certify_s(&self) -> f64 {
        let n = self.model.n() as f64;
        // Borůvka's rounds over a tree take n log n, Prim's method on a matrix n².
        if self.model.embedding().is_some() { n * 1e-5 } else { n * n * 1e-8 }
    }

    /// Maps tasks over the backend, with a chunk of the ascent beside them while it lasts.
    fn map_with_bound(&mut self, inputs: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RouteError> {
        let bound = if self.is_calibrating || self.is_settling { None } else { self.bound_task() };
        let has_bound = bound.is_some();
        // The bound's task, which cannot be shared out, goes first.
        let mut outputs = map(self.backend, bound.into_iter().chain(inputs).collect())?;
        if has_bound {
            self.take_bound(&outputs.remove(0))?;
        }
        Ok(outputs)
    }

    /// Returns whether nothing of the bound is left to be done beside the search.
    fn is_bound_settled(&self) -> bool {
        self.climb.chunks == 0 && self.climb.is_certified
    }

    /// Returns how many kicks take as long as the next task of the bound.
    fn kicks_for_bound(&self) -> f64 {
        match self.climb.chunks {
            0 if self.climb.is_certified => 0.0,
            0 => self.certify_s() * Budget::WORK_PER_SECOND as f64,
            _ => (self.climb.steps / CHUNKS as usize) as f64 * self.kicks_per_step(),
        }
    }

    /// Returns the next task of the ascent, if there is one.
    fn bound_task(&mut self) -> Option<Vec<u8>> {
        let chunk_s = self.kicks_for_bound() * self.kick_s;
        if (1..CHUNKS).contains(&self.climb.chunks)
            && self.seconds_left() < 2.0 * chunk_s + 3.0 * self.certify_s()
        {
            self.climb.chunks = 0;
        }
        if self.climb.chunks > 0 {
            let steps = (self.climb.steps / CHUNKS as usize).max(1);
            let at = |chunk: u32| LAMBDA.0 * (LAMBDA.1 / LAMBDA.0).powf(f64::from(chunk) / f64::from(CHUNKS));
            let done = CHUNKS - self.climb.chunks;
            let lambda = (at(done), at(done + 1));
            let start = &self.climb.multipliers;
            return Some(self.common.ascend(start, &self.best, self.cost, steps, lambda));
        }
        if !self.climb.is_certified {
            return Some(self.common.certify(&self.climb.multipliers, self.cost));
        }
        None
    }

    /// Takes what the ascent's task gave.
    fn take_bound(&mut self, output: &[u8]) -> Result<(), RouteError> {
        if self.climb.chunks > 0 {
            let (value, multipliers) = ascended(output)?;
            let is_first = self.climb.chunks == CHUNKS;
            self.climb.chunks -= 1;
            if is_first || value > self.climb.value {
                self.climb.value = value;
                self.climb.multipliers = multipliers;
            }
        } else {
            self.climb.certificate = Some(certified(output)?);
            self.climb.is_certified = true;
            self.tell();
        }
        Ok(())
    }

    /// Finishes the bound, as far as there is time: at least what was climbed is certified.
    pub(crate) fn finish_bound(&mut self) -> Result<(), RouteError> {
        while self.climb.chunks > 0 && (self.left() > 0.0 || self.climb.chunks == CHUNKS) {
            self.map_with_bound(Vec::new())?;
        }
        self.climb.chunks = 0;
        if !self.climb.is_certified {
            self.map_with_bound(Vec::new())?;
        }
        Ok(())
    }
}

/// The smallest population that is worth its while.
const SMALLEST: usize = 13;

/// The largest population.
const LARGEST: usize = 200;

/// The most nodes of a population's tours: settling them whole would take too long.
const LARGEST_BRED: usize = 250_000;

/// From this many nodes on, parents exchange edges in many places at once, and mating costs little.
const IN_BLOCKS: usize = 3000;

/// Returns the kicks a node that a tour gets before it joins a population: more tours are worth more than better ones.
///
/// On 10⁴ uniform cities 40 tours with 0.2 gave as short a tour as 20 with 0.6, in two thirds of the time.
fn kicks_per_seed(n: usize) -> f64 {
    if n < IN_BLOCKS { 0.6 } else { 0.2 }
}

/// Returns the kicks a node that one tour of a population of `size` takes: some to make it, the rest to let it mate until
/// all have become one. Fitted to uniform cities.
fn kicks_per_tour(size: f64, n: usize) -> f64 {
    let mating = if n < IN_BLOCKS {
        0.45 * (size / 20.0).powf(0.4) * (n as f64 / 1e4).powf(0.7)
    } else {
        0.25 * (size / 40.0).powf(0.3)
    };
    kicks_per_seed(n) + mating
}

/// Returns about how many generations a population of `size` takes until all its tours have become one.
fn generations(size: usize, n: usize) -> f64 {
    let size = size as f64 / 20.0;
    if n < IN_BLOCKS { 220.0 * size.powf(0.3) * (n as f64 / 1e4).powf(0.7) } else { 45.0 * size.powf(0.4) }
}

/// Returns how much work it is when two tours mate.
fn work_per_mating(n: usize) -> u64 {
    let n = n as u64;
    if n < IN_BLOCKS as u64 { 7 + n / 2000 } else { n / 240 }
}

/// Returns how many of `size` tours can mate to the end where `done` generations are over and there is time for `left` more:
/// a small population that becomes one tour is worth more than a large one that does not.
fn affordable_size(size: usize, n: usize, done: usize, left: f64) -> usize {
    // The first generations, in which parents differ most, take longer than those to come.
    let takes = |kept: usize| 0.7 * (generations(kept, n) - done as f64) * kept as f64 / size as f64;
    (SMALLEST.min(size)..size)
        .rev()
        .find(|&kept| takes(kept + 1) <= left)
        .map_or(SMALLEST.min(size), |kept| kept + 1)
}

/// Returns the size of a population for a budget of so many kicks a node.
fn population_size(per_node: f64, n: usize) -> usize {
    let mut size: f64 = 20.0;
    for _ in 0..8 {
        size = (per_node / kicks_per_tour(size, n)).clamp(1.0, LARGEST as f64);
    }
    size as usize
}

/// Returns the work where the caller sets no limit: enough for a population of up to some 10⁴ nodes.
fn default_work(n: usize) -> u64 {
    let n = n as u64;
    (20_000 + 40 * n).min(1_000_000 + 2 * n)
}
