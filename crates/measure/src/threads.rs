//! The environment variables by which libraries and runtimes are told how many threads to use.

/// The variables that are set to p for every run, whether or not the command mentions `{p}`.
///
/// A program whose own `{p}` says 4 while its BLAS takes all cores in each of 4 workers measures neither. Where the
/// workload gives one of them a value of its own, that value stands.
pub const THREAD_VARIABLES: [&str; 18] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "FLEXIBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "GOMAXPROCS",
    "JULIA_NUM_THREADS",
    "PYTHON_CPU_COUNT",
    "LOKY_MAX_CPU_COUNT",
];
