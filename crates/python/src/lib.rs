//! The native half of the Python package `festina`: the verbs, and what moves the data of `festina.map`.
//!
//! A verb's function takes what was typed, lets the façade answer while the interpreter's lock is free, and returns an
//! [`answer::Answer`], whose text, HTML and SVG are those of the command line. The rest is what Python cannot do itself,
//! or not fast enough: tasks that are claimed across processes, frames with file descriptors, memory that is shared and
//! gone with its last user.

mod answer;
mod cores;
mod error;
mod interrupt;
mod laws;
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
    module.add_function(wrap_pyfunction!(solve::tsp, module)?)?;
    Ok(())
}
