//! Plans that compete: the good ones, and among them those that differ from the others.
//!
//! Source: T. Vidal, T. G. Crainic, M. Gendreau, N. Lahrichi and W. Rei, *A hybrid genetic algorithm for multidepot and periodic
//! vehicle routing problems*, Operations Research 60, 2012, <https://doi.org/10.1287/opre.1120.1048>.

use super::ground::Prices;
use super::plan::Plan;
use crate::local::random::Random;

/// Plans of a group that survive.
const SURVIVORS: usize = 25;

/// Plans of a group that come to them before the worst are left out.
const GENERATION: usize = 40;

/// The best plans, which keep their rank however alike they are.
const ELITE: f64 = 4.0;

/// How far a plan is from the others is told by so many nearest ones.
const CLOSE: usize = 5;

/// Plans that can be driven, or plans that cannot.
#[derive(Clone, Debug, Default)]
struct Group {
    plans: Vec<Plan>,
    /// How far they are from each other, row by row.
    apart: Vec<Vec<f64>>,
    /// Small for plans that are good and different.
    fitness: Vec<f64>,
    /// The plan that costs least.
    cheapest: usize,
}

impl Group {
    fn add(&mut self, plan: Plan, prices: Prices) {
        let row: Vec<f64> = self.plans.iter().map(|other| plan.distance(other)).collect();
        for (other, &distance) in self.apart.iter_mut().zip(&row) {
            other.push(distance);
        }
        self.apart.push(row);
        self.apart.last_mut().expect("a row was added").push(0.0);
        self.plans.push(plan);
        if self.plans.len() >= SURVIVORS + GENERATION {
            while self.plans.len() > SURVIVORS {
                self.rank(prices);
                self.remove(self.worst());
            }
        }
        self.rank(prices);
    }

    /// Returns how far a plan is from those nearest to it.
    fn diversity(&self, plan: usize) -> f64 {
        let mut row: Vec<f64> = (0..self.plans.len())
            .filter(|&other| other != plan)
            .map(|other| self.apart[plan][other])
            .collect();
        let count = CLOSE.min(row.len());
        if count == 0 {
            return 1.0;
        }
        row.select_nth_unstable_by(count - 1, f64::total_cmp);
        row[..count].iter().sum::<f64>() / count as f64
    }

    /// Computes the fitness of all: the rank by cost, and the rank by diversity for all but an elite.
    fn rank(&mut self, prices: Prices) {
        let size = self.plans.len();
        let costs: Vec<f64> = self.plans.iter().map(|plan| plan.penalized(prices)).collect();
        let diversities: Vec<f64> = (0..size).map(|plan| self.diversity(plan)).collect();
        let by_cost = ranks(size, |a, b| costs[a].total_cmp(&costs[b]));
        let by_diversity = ranks(size, |a, b| diversities[b].total_cmp(&diversities[a]));
        let weight = (1.0 - ELITE / size as f64).max(0.0);
        self.cheapest = by_cost.iter().position(|&rank| rank == 0).unwrap_or(0);
        self.fitness =
            (0..size).map(|plan| by_cost[plan] as f64 + weight * by_diversity[plan] as f64).collect();
    }

    /// Returns the plan that is left out next: the worst of those that are there twice, or of all but the cheapest.
    fn worst(&self) -> usize {
        let is_double =
            |plan: usize| (0..self.plans.len()).any(|other| other != plan && self.apart[plan][other] < 1e-9);
        let key = |plan: &usize| (is_double(*plan), self.fitness[*plan]);
        let others = (0..self.plans.len()).filter(|&plan| plan != self.cheapest);
        let worst = others.max_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        worst.expect("there are several plans")
    }

    fn remove(&mut self, plan: usize) {
        self.plans.swap_remove(plan);
        self.apart.swap_remove(plan);
        for row in &mut self.apart {
            row.swap_remove(plan);
        }
    }
}

/// Returns the place of each in the order.
fn ranks(size: usize, order: impl Fn(usize, usize) -> std::cmp::Ordering) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..size).collect();
    sorted.sort_by(|&a, &b| order(a, b).then(a.cmp(&b)));
    let mut ranks = vec![0; size];
    for (rank, &plan) in sorted.iter().enumerate() {
        ranks[plan] = rank;
    }
    ranks
}

/// All plans.
#[derive(Clone, Debug, Default)]
pub(super) struct Population {
    /// Plans that can be driven, and those that cannot.
    groups: [Group; 2],
}

impl Population {
    /// Adds a plan; the worst leave where there are too many.
    pub(super) fn add(&mut self, plan: Plan, prices: Prices) {
        self.groups[usize::from(!plan.is_feasible())].add(plan, prices);
    }

    /// Brings the order of the plans that cannot be driven up to date with new prices.
    pub(super) fn reprice(&mut self, prices: Prices) {
        self.groups[1].rank(prices);
    }

    /// Returns the better of two random plans.
    pub(super) fn parent(&self, random: &mut Random) -> &Plan {
        let size: usize = self.groups.iter().map(|group| group.plans.len()).sum();
        let pick = |at: usize| {
            let first = self.groups[0].plans.len();
            if at < first { (&self.groups[0], at) } else { (&self.groups[1], at - first) }
        };
        let [(group, a), (other, b)] = [pick(random.below(size)), pick(random.below(size))];
        if group.fitness[a] <= other.fitness[b] { &group.plans[a] } else { &other.plans[b] }
    }

    /// Returns every plan.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.groups.iter().flat_map(|group| &group.plans)
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.plans().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrp::search::genetic::ground::Ground;
    use crate::vrp::search::genetic::sample;

    #[test]
    fn the_cheapest_plan_stays_and_the_others_are_few() {
        let model = sample::model(30, 4, false);
        let ground = Ground::new(&model, 30);
        let mut random = Random::new(5, 0);
        let prices = Prices { load: 10.0, warp: 1.0 };
        let mut population = Population::default();
        let mut tour: Vec<u32> = (0..30).collect();
        let mut cheapest = i64::MAX;
        for _ in 0..400 {
            random.shuffle(&mut tour);
            let plan = Plan::new(&ground, tour.chunks(3).map(<[u32]>::to_vec).collect());
            assert_eq!(plan.distance(&plan), 0.0);
            cheapest = cheapest.min(plan.cost);
            population.add(plan, prices);
            assert!(population.plans().count() < SURVIVORS + GENERATION);
            assert_eq!(population.plans().map(|plan| plan.cost).min(), Some(cheapest));
        }
        let parents: Vec<i64> = (0..200).map(|_| population.parent(&mut random).cost).collect();
        let average = |costs: &[i64]| costs.iter().sum::<i64>() as f64 / costs.len() as f64;
        let all: Vec<i64> = population.plans().map(|plan| plan.cost).collect();
        assert!(average(&parents) < average(&all));
    }
}
