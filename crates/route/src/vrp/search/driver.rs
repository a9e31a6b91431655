//! The search as a whole: rounds of annealing on all workers.
//!
//! In every round the routes are dealt out to **lanes**, neighbours together, and each lane anneals its own; then they are
//! put together again, and the next round deals them out differently. Iterations of different lanes touch different routes,
//! so that two lanes do twice the work on the same solution. Where there are too few routes to deal out, each lane
//! anneals a solution of its own, and now and then the worst takes over the best. How many iterations a round has comes from
//! the clock, or, where work is counted, from the work alone: then the plan is the same on any number of workers.
//!
//! Where the problem is classical and not too large, annealing takes a share of the budget only; then all lanes
//! breed children of one population, which come together after every round.

use festina_types::Backend;

use super::anneal::{Annealed, Job, Routes, absent};
use super::deal::{self, Hand};
use super::genetic::{Breeding, Brood, is_classical};
use super::translate::{Translation, Weights};
use super::wire;
use crate::auto::tasks::{garbled, kind, map};
use crate::auto::wire::Writer;
use crate::error::RouteError;
use crate::local::random::Random;
use crate::request::{Budget, Limit};
use crate::vrp::plan::{Objective, PlanProgress, PlanRequest};
use crate::vrp::problem::Problem;

/// Lanes of a search whose budget is work: the same on any number of workers.
const LANES: usize = 4;

/// Iterations that take as long as a unit of work.
const PER_WORK: u64 = 5;

/// Rounds of a search.
const ROUNDS: f64 = 24.0;

/// The longest round, in seconds, so that nobody waits long for an answer after Ctrl-C.
const LONGEST: f64 = 2.0;

/// The temperature at the beginning and at the end, in the scale of the model.
const HEAT: (f64, f64) = (3.0, 0.04);

/// The share of the budget that is left when the number of vehicles is settled.
const AFTER_FLEET: f64 = 0.5;

/// The most stops that a lane takes.
const HAND: usize = 1000;

/// Fewer routes than this for each lane are not dealt out.
const FEW: usize = 5;

/// Of so many rounds in which each lane has its own solution, the last brings them together.
const MEET: u64 = 6;

/// The most stops of a classical problem whose plans are bred.
const BREEDABLE: usize = 600;

/// The share of the budget after which they are: without times, and with times, where annealing goes further.
const ANNEALING: [f64; 2] = [0.3, 0.7];

/// A population that has bred so many children without a better plan makes way for a new one.
const STAGNANT: u64 = 20_000;

/// A child takes as long as so many units of work for every stop.
const WORK_PER_STOP: f64 = 0.25;

/// The best routes of a search.
pub(crate) struct Found {
    pub(crate) routes: Routes,
}

/// A search in progress.
pub(crate) struct Driver<'a> {
    problem: &'a Problem,
    translation: Translation<'a>,
    request: &'a PlanRequest,
    budget: &'a Budget<'a>,
    backend: &'a dyn Backend,
    report: &'a mut dyn FnMut(&PlanProgress),
    random: Random,
    counts: Vec<usize>,
    /// The solution that is annealed, or one for each lane.
    current: Vec<(Routes, i64)>,
    best: Routes,
    best_cost: i64,
    scale: f64,
    streams: u64,
    rounds: u64,
    /// Iterations that a lane does in a second, as far as known.
    speed: f64,
    /// The share of the budget in which routes are annealed.
    annealing: f64,
    /// The population, from the first round of breeding on.
    brood: Option<Brood>,
    /// What its best plan costs, and how many children there were when that was found.
    brood_best: (i64, u64),
    /// Children that a lane makes in a second, as far as known.
    children: f64,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(
        problem: &'a Problem,
        request: &'a PlanRequest,
        budget: &'a Budget<'a>,
        backend: &'a dyn Backend,
        report: &'a mut dyn FnMut(&PlanProgress),
    ) -> Self {
        let translation = Translation::new(problem, weights(problem, request.objective));
        let counts: Vec<usize> = problem.vehicles().iter().map(|vehicle| vehicle.count).collect();
        let scale = translation.scale();
        let n = problem.stops().len();
        let whole = (n <= BREEDABLE && request.objective == Objective::Cost)
            .then(|| translation.model(&(0..n as u32).collect::<Vec<_>>(), &counts));
        let annealing = match whole.filter(is_classical) {
            Some(model) => ANNEALING[usize::from(model.is_timed)],
            None => 1.0,
        };
        Self {
            problem,
            translation,
            request,
            budget,
            backend,
            report,
            random: Random::new(request.seed, 0),
            counts,
            current: Vec::new(),
            best: Vec::new(),
            best_cost: i64::MAX,
            scale,
            streams: 0,
            rounds: 0,
            speed: 20_000.0,
            annealing,
            brood: None,
            brood_best: (i64::MAX, 0),
            children: 20_000.0 / n.max(1) as f64,
        }
    }

    /// Searches until the budget is spent.
    pub(crate) fn run(mut self) -> Result<Found, RouteError> {
        self.construct()?;
        if self.request.objective == Objective::Vehicles {
            self.reduce_fleet()?;
        }
        while self.budget.left() > 0.0 && !self.problem.stops().is_empty() {
            if !self.breeds() {
                self.round()?;
            } else if !self.breeding_round()? {
                break;
            }
        }
        Ok(Found { routes: self.best })
    }

    /// Returns whether the time for annealing is over.
    fn breeds(&self) -> bool {
        self.budget.left() < 1.0 - self.annealing && absent(&self.best, self.problem.stops().len()).is_empty()
    }

    /// Takes one vehicle away after the other, as long as all stops still find a place.
    fn reduce_fleet(&mut self) -> Result<(), RouteError> {
        let n = self.problem.stops().len();
        while self.budget.left() > AFTER_FLEET && absent(&self.best, n).is_empty() {
            let vehicles = self.problem.vehicles();
            let free =
                |(_, (kind, _)): &(usize, &(u32, Vec<u32>))| vehicles[*kind as usize].begins_with.is_empty();
            let smallest =
                self.best.iter().enumerate().filter(free).min_by_key(|(_, (_, tokens))| tokens.len());
            let Some((smallest, _)) = smallest.filter(|_| self.best.len() > 1) else { break };
            let before = self.best.len();
            let mut routes = self.best.clone();
            routes.remove(smallest);
            self.limit_to(&routes);
            let cost = self.translation.cost(&routes);
            self.current = vec![(routes, cost)];
            while self.best.len() == before && self.budget.left() > AFTER_FLEET {
                self.round()?;
            }
        }
        let best = self.best.clone();
        self.limit_to(&best);
        self.current = vec![(best, self.best_cost)];
        Ok(())
    }

    /// Leaves only the vehicles that have a route.
    fn limit_to(&mut self, routes: &Routes) {
        self.counts.fill(0);
        for (kind, _) in routes {
            self.counts[*kind as usize] += 1;
        }
    }

    fn is_timed(&self) -> bool {
        matches!(self.budget.limit(), Limit::Time(_))
    }

    fn lanes(&self) -> usize {
        if self.is_timed() { self.backend.workers().get() as usize } else { LANES }
    }

    /// Makes a first plan: decided beginnings, and every stop where it costs least.
    fn construct(&mut self) -> Result<(), RouteError> {
        let n = self.problem.stops().len();
        let locked = self.translation.locked_routes();
        let mut hands = deal::by_place(&self.translation, n, &locked, &self.counts, self.lanes(), HAND);
        let results = self.anneal(&mut hands, 0, (1.0, 1.0))?;
        let routes: Routes = results.iter().flat_map(|annealed| annealed.best.clone()).collect();
        let cost = self.translation.cost(&routes);
        self.current = vec![(routes.clone(), cost)];
        self.offer(routes, cost);
        self.budget.spend(n as u64 / 20 + 1);
        Ok(())
    }

    /// Returns how long the next round of a search of `limit` seconds is. The last rounds grow shorter, so that the end is met
    /// whatever the machine does meanwhile.
    fn round_seconds(&self, limit: f64) -> f64 {
        let left = self.budget.left() * limit;
        let round = (limit / ROUNDS).min(LONGEST);
        if left < 2.0 * round { 0.6 * left } else { round }
    }

    /// Returns the iterations of the next round, for each lane.
    fn iterations(&self) -> u64 {
        let iterations = match self.budget.limit() {
            Limit::Time(limit) => self.round_seconds(limit.0) * self.speed,
            Limit::Work(limit) => {
                let all = (limit * PER_WORK) as f64;
                (all / ROUNDS).min(self.budget.left() * all) / self.lanes() as f64
            }
            Limit::None => 1e4,
        };
        (iterations as u64).max(50)
    }

    /// Returns the temperature when a share `left` of the budget is left.
    fn heat(&self, left: f64) -> f64 {
        self.scale * HEAT.0 * (HEAT.1 / HEAT.0).powf(((1.0 - left) / self.annealing).min(1.0))
    }

    fn round(&mut self) -> Result<(), RouteError> {
        let iterations = self.iterations();
        let left = self.budget.left();
        let share = match self.budget.limit() {
            Limit::Time(limit) => iterations as f64 / self.speed / limit.0,
            Limit::Work(limit) => (iterations * self.lanes() as u64) as f64 / (limit * PER_WORK) as f64,
            Limit::None => 0.0,
        };
        let heat = (self.heat(left), self.heat((left - share).max(0.0)));
        let before = self.budget.elapsed().0;
        self.rounds += 1;
        let routes = self.current.iter().map(|(routes, _)| routes.len()).min().unwrap_or(0);
        let n = self.problem.stops().len();
        if (routes >= FEW * self.lanes() && self.lanes() > 1) || n > HAND {
            self.dealt_round(iterations, heat)?;
        } else {
            self.own_round(iterations, heat)?;
        }
        let seconds = self.budget.elapsed().0 - before;
        if seconds > 0.0 {
            let now = iterations as f64 / seconds;
            self.speed = if self.rounds == 1 { now } else { 0.5 * (self.speed + now) };
        }
        self.budget.spend((iterations * self.lanes() as u64).div_ceil(PER_WORK));
        Ok(())
    }

    /// Every lane anneals some of the routes.
    fn dealt_round(&mut self, iterations: u64, heat: (f64, f64)) -> Result<(), RouteError> {
        let best = self.current.iter().min_by_key(|(_, cost)| *cost).expect("there is a solution").clone();
        self.current = vec![best];
        let routes = &self.current[0].0;
        let lanes = self.lanes();
        let mut hands =
            deal::by_routes(&self.translation, routes, &self.counts, lanes, HAND, &mut self.random);
        let share = (iterations * lanes as u64 / hands.len() as u64).max(1);
        let results = self.anneal(&mut hands, share, heat)?;
        let best: Routes = results.iter().flat_map(|annealed| annealed.best.clone()).collect();
        let last: Routes = results.iter().flat_map(|annealed| annealed.last.clone()).collect();
        // Hands share no route, so that their costs add up.
        let best_cost = results.iter().map(|annealed| annealed.best_cost).sum();
        let last_cost = results.iter().map(|annealed| annealed.last_cost).sum();
        self.current = vec![(last, last_cost)];
        self.offer(best, best_cost);
        Ok(())
    }

    /// Every lane anneals a solution of its own.
    fn own_round(&mut self, iterations: u64, heat: (f64, f64)) -> Result<(), RouteError> {
        let lanes = self.lanes();
        while self.current.len() < lanes {
            self.current.push(self.current[0].clone());
        }
        let n = self.problem.stops().len() as u32;
        let hand = |(routes, _): &(Routes, i64)| Hand {
            stops: (0..n).collect(),
            counts: self.counts.clone(),
            routes: routes.clone(),
        };
        let mut hands: Vec<Hand> = self.current.iter().map(hand).collect();
        let results = self.anneal(&mut hands, iterations, heat)?;
        for annealed in &results {
            self.offer(annealed.best.clone(), annealed.best_cost);
        }
        self.current = results.into_iter().map(|annealed| (annealed.last, annealed.last_cost)).collect();
        if self.rounds.is_multiple_of(MEET) {
            self.current.sort_by_key(|(_, cost)| *cost);
            let best = self.current[0].clone();
            if let Some(worst) = self.current.last_mut() {
                *worst = best;
            }
        }
        Ok(())
    }

    /// Every lane breeds children of the population; then they come together. `false` if not one child fits into what is left.
    fn breeding_round(&mut self) -> Result<bool, RouteError> {
        let lanes = self.lanes();
        let stops: Vec<u32> = (0..self.problem.stops().len() as u32).collect();
        let brood = self.brood.take().unwrap_or_else(|| {
            let plan = self.best.iter().map(|(_, tokens)| tokens.clone()).collect();
            Brood { plans: vec![plan], ..Brood::default() }
        });
        let work = (WORK_PER_STOP * stops.len() as f64) as u64 + 1;
        let children = self.children_of_round(work);
        if children == 0 {
            return Ok(false);
        }
        let model = self.translation.model(&stops, &self.counts);
        let mut inputs = Vec::with_capacity(lanes);
        for _ in 0..lanes {
            self.streams += 1;
            let (seed, stream) = (self.request.seed, self.streams);
            let breeding = Breeding { brood: brood.clone(), routes: self.best.len(), children, seed, stream };
            let mut writer = Writer::default();
            writer.u64(kind::BREED_PLANS);
            wire::write_breeding(&mut writer, &model, &breeding);
            inputs.push(writer.0);
        }
        let before = self.budget.elapsed().0;
        let outputs = map(self.backend, inputs)?;
        let seconds = self.budget.elapsed().0 - before;
        if seconds > 0.0 {
            self.children = 0.5 * (self.children + children as f64 / seconds);
        }
        self.budget.spend(children * work * lanes as u64);
        let broods: Vec<Brood> = outputs
            .iter()
            .map(|output| wire::read_brood_back(output))
            .collect::<Result<_, _>>()
            .map_err(garbled)?;
        let merged = Brood::merge(&brood, &broods);
        for best in broods.into_iter().map(|brood| brood.best).filter(|best| !best.is_empty()) {
            let routes: Routes = best.into_iter().map(|stops| (0, stops)).collect();
            let cost = self.translation.cost(&routes);
            if cost < self.brood_best.0 {
                self.brood_best = (cost, merged.made);
            }
            self.offer(routes, cost);
        }
        let is_stagnant = merged.made > self.brood_best.1 + STAGNANT;
        if is_stagnant {
            self.brood_best = (i64::MAX, 0);
        }
        self.brood = Some(if is_stagnant { Brood::default() } else { merged });
        Ok(true)
    }

    /// Returns the children of the next round, for each lane, if each costs so much `work`.
    fn children_of_round(&self, work: u64) -> u64 {
        let (round, left) = match self.budget.limit() {
            Limit::Time(limit) => {
                let left = self.budget.left() * limit.0;
                (self.children * self.round_seconds(limit.0), self.children * left)
            }
            Limit::Work(limit) => {
                let all = limit as f64 / (work * self.lanes() as u64) as f64;
                (all / ROUNDS, self.budget.left() * all)
            }
            Limit::None => (100.0, 100.0),
        };
        round.max(1.0).min(left) as u64
    }

    /// Anneals hands, each on a worker, and returns what became of them in the numbers of the whole problem.
    fn anneal(
        &mut self,
        hands: &mut [Hand],
        iterations: u64,
        heat: (f64, f64),
    ) -> Result<Vec<Annealed>, RouteError> {
        let mut inputs = Vec::with_capacity(hands.len());
        for hand in hands.iter() {
            self.streams += 1;
            let model = self.translation.model(&hand.stops, &hand.counts);
            let routes = hand.to_local(self.problem.stops().len());
            let job = Job { routes, iterations, heat, seed: self.request.seed, stream: self.streams };
            let mut writer = Writer::default();
            writer.u64(kind::ANNEAL);
            wire::write_task(&mut writer, &model, &job);
            inputs.push(writer.0);
        }
        let outputs = map(self.backend, inputs)?;
        let n = self.problem.stops().len();
        let read = |(hand, output): (&Hand, &Vec<u8>)| -> Result<Annealed, RouteError> {
            let mut annealed = wire::read_result(output).map_err(garbled)?;
            hand.to_whole(&mut annealed.best, n);
            hand.to_whole(&mut annealed.last, n);
            Ok(annealed)
        };
        hands.iter().zip(&outputs).map(read).collect()
    }

    fn offer(&mut self, routes: Routes, cost: i64) {
        if cost >= self.best_cost {
            return;
        }
        let n = self.problem.stops().len();
        let served =
            routes.iter().flat_map(|(_, tokens)| tokens).filter(|&&token| (token as usize) < n).count();
        (self.report)(&PlanProgress {
            elapsed_s: self.budget.elapsed().0,
            cost,
            vehicles: routes.len(),
            unassigned: n - served,
        });
        self.best = routes;
        self.best_cost = cost;
    }
}

/// Returns what an objective adds to the costs.
pub(crate) fn weights(problem: &Problem, objective: Objective) -> Weights {
    match objective {
        Objective::Cost => Weights { vehicle: 0, balance: 0.0 },
        Objective::Vehicles => Weights { vehicle: 100 * Translation::dearest(problem), balance: 0.0 },
        Objective::Balance => Weights { vehicle: 0, balance: Translation::time_price(problem) },
    }
}
