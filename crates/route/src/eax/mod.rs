//! Edge assembly crossover: children take over pieces of one parent's edges where that makes them shorter.
//!
//! The edges in which parents A and B differ fall into **AB-cycles**, along which edges of A and of B take turns. A child is A
//! with one AB-cycle exchanged; what that cuts off into subtours is joined again by the cheapest exchange of two
//! edges. Everything is done on the few nodes that change, so that a child costs far less than a copy of the tour.
//! Among the children that are shorter than A, the one that loses least of the population's diversity for what it
//! gains takes A's place.
//!
//! Source: Y. Nagata and S. Kobayashi, *A powerful genetic algorithm using edge assembly crossover for the traveling
//! salesman problem*, INFORMS Journal on Computing 25, 2013 (single strategy, entropy selection, localisation).

mod child;
mod counts;
mod cycles;

pub(crate) use child::Breeder;
pub(crate) use counts::EdgeCounts;
