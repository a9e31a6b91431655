//! First tours, made from nothing.

pub(crate) mod christofides;
pub(crate) mod greedy;
pub(crate) mod matching;
pub(crate) mod mst;
pub(crate) mod nearest_neighbour;

use crate::model::Model;
use crate::space::candidates::Candidates;

/// Makes a tour of a model from its candidates.
pub(crate) type Construct = dyn Fn(&Model, &Candidates) -> Vec<u32>;
