//! What every drawing needs, whatever it is drawn with: where values lie, where ticks stand, which points to drop.

mod clock;
pub(crate) mod coverage;
pub(crate) mod domain;
pub(crate) mod frame;
pub(crate) mod lanes;
pub(crate) mod thin;
pub(crate) mod ticks;

pub(crate) use domain::Domain;
pub(crate) use frame::Frame;
pub(crate) use ticks::{Tick, ticks};
