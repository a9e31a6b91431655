//! Commands for workers that an engine starts, by way of a folder that all of them share.
//!
//! Schedulers of clusters are made for jobs of minutes and hours: half a second a task is what theirs costs. So an engine
//! starts [workers](work), one a node, and nothing else; tasks wait in the folder of the run, in *chunks*, and a worker
//! takes one by renaming it, which only one can do. What became of each task it writes into a file of its own. The [`Pool`]
//! makes chunks, reads these files, and hands the outcomes to the run, whose journal, outputs and table are those of any
//! other backend.
//!
//! Nothing but the file system is between them: a worker, a node, the engine or the pool may be killed. Tasks of a worker
//! that is lost are offered again; what workers had done when a pool was killed is the next session's; and workers of a
//! pool that is gone leave.
//!
//! Engines are behind [`Supply`]: [`slurm`](crate::slurm) is one.

mod backlog;
mod error;
mod folder;
mod keeper;
mod left;
mod overseer;
mod pace;
mod pool;
mod record;
mod worker;

pub use error::ChunkError;
pub use pool::{Pool, PoolOptions, Supply};
pub use worker::{WorkerOptions, work};
