//! Sampling of one process tree from `/proc/<pid>`.
