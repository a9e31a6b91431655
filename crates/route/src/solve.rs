//! From an instance and a request to a solution.

use festina_types::{Backend, Workers};

use crate::auto::Auto;
use crate::bound::certificate::Certificate;
use crate::closed::Closed;
use crate::construct::{Construct, christofides, greedy, mst, nearest_neighbour};
use crate::error::RouteError;
use crate::exact::branch_and_bound::{self, BranchAndBound};
use crate::exact::{brute_force, held_karp};
use crate::instance::{Instance, Weights};
use crate::local::lin_kernighan::{Reach, Search};
use crate::local::random::Random;
use crate::local::{or_opt, two_opt};
use crate::model::Problem;
use crate::request::{Budget, Method, Request, Shape};
use crate::solution::{Progress, Solution, Status, gap};

/// A tour with what proves how good it is.
pub(crate) struct Answer {
    pub(crate) tour: Vec<usize>,
    pub(crate) certificate: Option<Certificate>,
    /// Whether all tours were considered.
    pub(crate) is_optimal: bool,
}

/// Solves `instance` as `request` asks, within `budget`, with its tasks mapped over `backend`.
///
/// `report` is called for every shorter tour and every higher bound.
///
/// # Errors
///
/// [`RouteError::Request`] where the method cannot take the instance or an end is no city of it, or
/// [`RouteError::Backend`]. A tour always exists, so that nothing else can fail.
pub fn solve(
    instance: &Instance,
    request: &Request,
    budget: &Budget<'_>,
    backend: &dyn Backend,
    report: &mut dyn FnMut(&Progress),
) -> Result<Solution, RouteError> {
    check_ends(instance, request.shape)?;
    let answer = Call { instance, request, budget, backend, report }.answer()?;
    Ok(conclude(instance, request, budget, backend.workers(), answer))
}

fn check_ends(instance: &Instance, shape: Shape) -> Result<(), RouteError> {
    let Shape::Open { start, end } = shape else { return Ok(()) };
    match [start, end].into_iter().flatten().find(|&city| city >= instance.n()) {
        None => Ok(()),
        Some(city) => Err(RouteError::request(format!("the tour is to end at city {}", city + 1))
            .with_hint(format!("cities are numbered from 1 to {}", instance.n()))),
    }
}

/// Up to this many nodes, a population's tour is handed to branch and bound for a proof.
const PROVABLE: usize = 120;

/// What [`solve`] was called with.
struct Call<'a> {
    instance: &'a Instance,
    request: &'a Request,
    budget: &'a Budget<'a>,
    backend: &'a dyn Backend,
    report: &'a mut dyn FnMut(&Progress),
}

impl Call<'_> {
    fn answer(&mut self) -> Result<Answer, RouteError> {
        let Self { instance, request, .. } = *self;
        let n = instance.n();
        match request.method {
            Method::BruteForce if n > brute_force::MOST => Err(too_many(request.method, brute_force::MOST)),
            Method::HeldKarp if n > held_karp::MOST => Err(too_many(request.method, held_karp::MOST)),
            Method::BruteForce => Ok(by_brute_force(instance, request.shape)),
            Method::HeldKarp => self.by_subsets(),
            _ if n <= 4 => Ok(by_brute_force(instance, request.shape)),
            Method::Auto if n <= brute_force::MOST => self.by_subsets(),
            _ => self.by_model(),
        }
    }

    /// Solves by dynamic programming; a canceled search gives what Lin–Kernighan finds at once.
    fn by_subsets(&mut self) -> Result<Answer, RouteError> {
        let Self { instance, request, budget, .. } = *self;
        let closed = Closed::new(instance, request.shape);
        match held_karp::tour(&closed, &|| !budget.is_over()) {
            Some(order) => Ok(Answer { tour: closed.decode(&order), certificate: None, is_optimal: true }),
            None if instance.n() <= 4 => Ok(by_brute_force(instance, request.shape)),
            None => self.by_model(),
        }
    }

    fn by_model(&mut self) -> Result<Answer, RouteError> {
        let Self { instance, request, budget, backend, .. } = *self;
        let report = &mut *self.report;
        check_method(instance, request)?;
        let problem = Problem::new(instance, request.shape);
        let tabled = problem.model.tabled();
        let model = tabled.as_ref().unwrap_or(&problem.model);
        let construct = construction(request.method);
        let mut auto = Auto::new(model, request, budget, backend, report, construct)?;
        match request.method {
            Method::Auto => auto.run(model.n() <= PROVABLE)?,
            Method::LinKernighan => auto.run_iterated()?,
            _ => auto.finish_bound()?,
        }
        let wants_proof = match request.method {
            Method::BranchAndBound => true,
            Method::Auto => model.n() <= PROVABLE && !auto.is_good_enough(),
            _ => false,
        };
        let mut order = auto.best().0.to_vec();
        let bound = auto.bound();
        let certificate = auto.into_certificate().map(|found| problem.decode_certificate(found));
        let mut is_optimal = false;
        if wants_proof {
            let go_on = || {
                budget.spend(WORK_PER_NODE);
                !budget.is_over()
            };
            let mut found = |_: &[u32], cost: i64| {
                report(&Progress { elapsed_s: budget.elapsed().0, cost, bound, gap: gap(cost, bound) });
            };
            let mut search = BranchAndBound::new(model, order, &go_on, &mut found);
            is_optimal = search.run();
            order = search.best.0;
        }
        Ok(Answer { tour: problem.decode(&order), certificate, is_optimal })
    }
}

fn too_many(method: Method, most: usize) -> RouteError {
    RouteError::request(format!("{method} takes at most {most} cities"))
        .with_hint("use --method branch-and-bound for a proof, or auto for a good tour with a bound")
}

fn by_brute_force(instance: &Instance, shape: Shape) -> Answer {
    let closed = Closed::new(instance, shape);
    Answer { tour: closed.decode(&brute_force::tour(&closed)), certificate: None, is_optimal: true }
}

/// The work that a node of branch and bound counts for.
const WORK_PER_NODE: u64 = 10;

/// Requires that the method can make a tour of the shape.
fn check_method(instance: &Instance, request: &Request) -> Result<(), RouteError> {
    let n = instance.n();
    let method = request.method;
    let is_plain = request.shape == Shape::Closed && instance.is_symmetric();
    let hint = "use --method auto, greedy, 2-opt, or-opt or lin-kernighan";
    match method {
        Method::Mst | Method::Christofides | Method::SpaceFillingCurve if !is_plain => {
            let message = format!("{method} makes closed tours of symmetric instances only");
            Err(RouteError::request(message).with_hint(hint))
        }
        Method::SpaceFillingCurve if matches!(instance.weights(), Weights::Matrix { .. }) => {
            Err(RouteError::request("cities without places lie on no curve").with_hint(hint))
        }
        Method::Christofides if n > christofides::MOST => Err(too_many(method, christofides::MOST)),
        Method::BranchAndBound if n > branch_and_bound::MOST => {
            Err(RouteError::request(format!("{method} takes at most {} cities", branch_and_bound::MOST))
                .with_hint("use --method auto for a good tour with a bound"))
        }
        _ => Ok(()),
    }
}

/// Returns what makes the first tour, where it is not the greedy one.
fn construction(method: Method) -> Option<&'static Construct> {
    Some(match method {
        Method::Mst => &|model, _| mst::tour(model),
        Method::Christofides => &|model, _| christofides::tour(model),
        Method::NearestNeighbour => &|model, candidates| nearest_neighbour::tour(model, candidates, 0),
        // The model's nodes are numbered along the curve.
        Method::SpaceFillingCurve => &|model, _| (0..model.n() as u32).collect(),
        Method::TwoOpt => &|model, candidates| {
            two_opt::improve(model, candidates, greedy::tour(model, candidates, 0.0, &mut Random::new(0, 0)))
        },
        Method::OrOpt => &|model, candidates| {
            or_opt::improve(model, candidates, greedy::tour(model, candidates, 0.0, &mut Random::new(0, 0)))
        },
        Method::OrThreeOpt => &|model, candidates| {
            let order = greedy::tour(model, candidates, 0.0, &mut Random::new(0, 0));
            let mut search = Search::new(model, candidates, &model.partner, Reach::THREE, order);
            search.wake_all();
            search.settle(|| true);
            search.tour.into_order()
        },
        _ => return None,
    })
}

fn conclude(
    instance: &Instance,
    request: &Request,
    budget: &Budget<'_>,
    workers: Workers,
    answer: Answer,
) -> Solution {
    let cost = length(instance, request.shape, &answer.tour);
    let proven = answer.certificate.as_ref().map(|certificate| certificate.bound);
    let bound = if answer.is_optimal { Some(cost) } else { proven };
    let gap = gap(cost, bound);
    let status = match gap {
        Some(0.0) => Status::Optimal,
        Some(gap) if request.gap.is_some_and(|goal| gap <= goal) => Status::WithinGap,
        _ if budget.is_canceled() => Status::Canceled,
        _ => Status::Feasible,
    };
    Solution {
        name: instance.name().to_owned(),
        status,
        cost,
        bound,
        gap,
        tour: answer.tour,
        method: request.method,
        seed: request.seed,
        elapsed_s: budget.elapsed().0,
        work: budget.work(),
        workers,
        unit: instance.unit(),
        certificate: answer.certificate,
    }
}

/// Returns the length of a tour of `shape`.
pub(crate) fn length(instance: &Instance, shape: Shape, tour: &[usize]) -> i64 {
    let path: i64 = tour.windows(2).map(|pair| instance.distance(pair[0], pair[1])).sum();
    let closes = match shape {
        Shape::Closed => true,
        Shape::Open { start, end } => start.is_some() && start == end,
    };
    match (closes, tour) {
        (true, [first, .., last]) => path + instance.distance(*last, *first),
        _ => path,
    }
}
