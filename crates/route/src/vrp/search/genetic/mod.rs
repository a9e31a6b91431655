//! Hybrid genetic search for the classical problem: plans are crossed, cut into routes, and improved by a local search in which a
//! route may be too full or too late at a price; those that are good and differ from the others survive.
//!
//! Source: T. Vidal, *Hybrid genetic search for the CVRP: open-source implementation and SWAP\* neighborhood*, Computers &
//! Operations Research 140, 2022, <https://doi.org/10.1016/j.cor.2021.105643>; for windows T. Vidal, T. G. Crainic,
//! M. Gendreau and C. Prins, Computers & Operations Research 40, 2013.

mod cross;
mod ground;
mod local;
mod plan;
mod population;
#[cfg(test)]
mod sample;
mod split;
mod stretch;

use std::collections::HashSet;

use crate::local::random::Random;
use crate::vrp::search::model::Model;
use ground::Ground;
pub(crate) use ground::{Prices, is_classical};
use local::Local;
use plan::Plan;
use population::Population;
use split::split;

/// Random plans that a population begins with.
const RANDOM: u64 = 50;

/// Children between two changes of the prices.
const PERIOD: u64 = 100;

/// How much dearer what is wrong becomes when a plan is to be mended.
const MEND: f64 = 10.0;

/// Routes of stops.
pub(crate) type Stops = Vec<Vec<u32>>;

/// A population between two rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Brood {
    /// The plans, good or not.
    pub(crate) plans: Vec<Stops>,
    pub(crate) prices: Option<Prices>,
    /// Children so far.
    pub(crate) made: u64,
    pub(crate) tally: Tally,
    /// The best plan that can be driven.
    pub(crate) best: Stops,
}

/// Children since the prices last changed, and how many of them were not too full, and not too late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) children: u64,
    pub(crate) kept: [u64; 2],
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        let [full, late] = self.kept;
        Self { children: self.children + other.children, kept: [full + other.kept[0], late + other.kept[1]] }
    }
}

impl Brood {
    /// Returns the population that several, grown from `before` apart from each other, make together.
    pub(crate) fn merge(before: &Self, broods: &[Self]) -> Self {
        let count = broods.len() as f64;
        let mean = |of: fn(Prices) -> f64| {
            (broods.iter().filter_map(|brood| brood.prices).map(|prices| of(prices).ln()).sum::<f64>()
                / count)
                .exp()
        };
        let prices = Some(Prices { load: mean(|prices| prices.load), warp: mean(|prices| prices.warp) });
        let made = broods.iter().map(|brood| brood.made - before.made).sum::<u64>() + before.made;
        let tallies = broods
            .iter()
            .map(|brood| brood.tally)
            .chain((before.tally.children < PERIOD).then_some(before.tally));
        let tally = tallies.fold(Tally::default(), Tally::plus);
        let mut is_known = HashSet::new();
        let plans = broods.iter().flat_map(|brood| &brood.plans);
        let plans = plans.filter(|plan| is_known.insert(*plan)).cloned().collect();
        Self { plans, prices, made, tally, best: Stops::new() }
    }
}

/// A population that is to grow on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Breeding {
    pub(crate) brood: Brood,
    /// Routes of the best plan so far.
    pub(crate) routes: usize,
    pub(crate) children: u64,
    pub(crate) seed: u64,
    pub(crate) stream: u64,
}

impl Breeding {
    /// Breeds children of the population.
    pub(crate) fn run(self, model: &Model) -> Brood {
        let ground = Ground::new(model, self.routes);
        let mut random = Random::new(self.seed, self.stream);
        let mut local = Local::new(&ground);
        let mut herd = Herd::new(&ground, self.brood);
        for _ in 0..self.children {
            herd.grow(&mut local, &mut random);
        }
        herd.into_brood()
    }
}

/// A population at work.
struct Herd<'g> {
    ground: &'g Ground<'g>,
    population: Population,
    prices: Prices,
    made: u64,
    tally: Tally,
    best: Option<Plan>,
}

impl<'g> Herd<'g> {
    fn new(ground: &'g Ground<'g>, brood: Brood) -> Self {
        let mut this = Self {
            ground,
            population: Population::default(),
            prices: brood.prices.unwrap_or_else(|| ground.first_prices()),
            made: brood.made,
            tally: Tally::default(),
            best: None,
        };
        if brood.tally.children >= PERIOD {
            this.prices.adapt(brood.tally, ground.first_prices());
        }
        for routes in brood.plans {
            this.add(Plan::new(ground, routes));
        }
        this
    }

    fn add(&mut self, plan: Plan) {
        if plan.is_feasible() && self.best.as_ref().is_none_or(|best| plan.cost < best.cost) {
            self.best = Some(plan.clone());
        }
        self.population.add(plan, self.prices);
    }

    /// Makes a child.
    fn grow(&mut self, local: &mut Local<'g>, random: &mut Random) {
        let tour = if self.made < RANDOM || self.population.is_empty() {
            let mut tour: Vec<u32> = (0..self.ground.n as u32).collect();
            random.shuffle(&mut tour);
            tour
        } else {
            let [first, second] = [(); 2].map(|()| self.population.parent(random).giant_tour());
            cross::order(&first, &second, random)
        };
        let child = local.run(&split(self.ground, &tour, self.prices), self.prices, random);
        self.made += 1;
        self.tally.children += 1;
        self.tally.kept[0] += u64::from(child.excess == 0);
        self.tally.kept[1] += u64::from(child.warp == 0);
        let mends = !child.is_feasible() && random.below(2) == 0;
        let mended = mends.then(|| {
            let Prices { load, warp } = self.prices;
            local.run(&child.routes, Prices { load: MEND * load, warp: MEND * warp }, random)
        });
        self.add(child);
        if let Some(mended) = mended.filter(Plan::is_feasible) {
            self.add(mended);
        }
        if self.tally.children >= PERIOD {
            self.prices.adapt(std::mem::take(&mut self.tally), self.ground.first_prices());
            self.population.reprice(self.prices);
        }
    }

    fn into_brood(self) -> Brood {
        Brood {
            plans: self.population.plans().map(|plan| plan.routes.clone()).collect(),
            prices: Some(self.prices),
            made: self.made,
            tally: self.tally,
            best: self.best.map_or_else(Vec::new, |best| best.routes),
        }
    }
}
