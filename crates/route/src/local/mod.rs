//! Local search: improve a tour by exchanging few edges for others.

pub(crate) mod array_tour;
pub(crate) mod iterated;
pub(crate) mod lin_kernighan;
pub(crate) mod or_opt;
pub(crate) mod random;
mod settle;
pub(crate) mod two_opt;
