//! The native half of the Python package `festina`: the verbs, and what moves the data of `festina.map`.
//!
//! A verb's function takes what was typed, lets the façade answer while the interpreter's lock is free, and returns an
//! [`answer::Answer`], whose text, HTML and SVG are those of the command line. The rest is what Python cannot do itself,
//! or not fast enough: tasks that are claimed across processes, frames with file descriptors, memory that is shared and
//! gone with its last user.

mod answer;
#[allow(unsafe_code, reason = "memory that two processes share is mapped by hand")]
mod board;
#[allow(unsafe_code, reason = "file descriptors come from Python as numbers")]
mod channel;
mod cores;
mod error;
#[allow(unsafe_code, reason = "one system call that no safe wrapper has")]
mod guard;
mod interrupt;
mod laws;
mod load;
mod map;
#[allow(unsafe_code, reason = "memory is mapped, pulled from other processes and lent to Python")]
mod memory;
mod profile;
mod ready;
mod run;
mod scale;
mod solve;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _festina(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<answer::Answer>()?;
    module.add_function(wrap_pyfunction!(cores::cores, module)?)?;
    module.add_function(wrap_pyfunction!(cores::available, module)?)?;
    module.add_function(wrap_pyfunction!(laws::laws, module)?)?;
    module.add_function(wrap_pyfunction!(scale::scale, module)?)?;
    module.add_function(wrap_pyfunction!(scale::scale_from, module)?)?;
    module.add_function(wrap_pyfunction!(run::run, module)?)?;
    module.add_function(wrap_pyfunction!(load::load, module)?)?;
    module.add_function(wrap_pyfunction!(profile::profile, module)?)?;
    module.add_function(wrap_pyfunction!(profile::stored_profile, module)?)?;
    module.add_function(wrap_pyfunction!(profile::compare_profiles, module)?)?;
    module.add_function(wrap_pyfunction!(profile::profile_stacks, module)?)?;
    module.add_function(wrap_pyfunction!(ready::ready, module)?)?;
    module.add_function(wrap_pyfunction!(solve::mst::mst, module)?)?;
    module.add_function(wrap_pyfunction!(solve::mst::mst_of_edges, module)?)?;
    module.add_function(wrap_pyfunction!(solve::tsp::tsp, module)?)?;
    module.add_function(wrap_pyfunction!(solve::vrp::vrp, module)?)?;
    module.add_class::<board::Board>()?;
    module.add_class::<channel::Channel>()?;
    module.add_class::<memory::Block>()?;
    module.add_function(wrap_pyfunction!(board::now_ns, module)?)?;
    module.add_function(wrap_pyfunction!(channel::socket_pair, module)?)?;
    module.add_function(wrap_pyfunction!(channel::wait, module)?)?;
    module.add("THREAD_VARIABLES", festina::tasks::THREAD_VARIABLES.to_vec())?;
    module.add_function(wrap_pyfunction!(guard::allow_pulling, module)?)?;
    module.add_function(wrap_pyfunction!(map::map_report, module)?)?;
    module.add_function(wrap_pyfunction!(guard::die_with, module)?)?;
    module.add_function(wrap_pyfunction!(memory::address, module)?)?;
    module.add_function(wrap_pyfunction!(memory::gone, module)?)?;
    module.add_function(wrap_pyfunction!(memory::locate, module)?)?;
    module.add_function(wrap_pyfunction!(memory::map_shared, module)?)?;
    module.add_function(wrap_pyfunction!(memory::pull, module)?)?;
    module.add_function(wrap_pyfunction!(memory::shared_fd, module)?)?;
    module.add_function(wrap_pyfunction!(memory::write_shared, module)?)?;
    Ok(())
}
