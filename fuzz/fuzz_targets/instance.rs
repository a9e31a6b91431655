#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| festina_fuzz::instance(bytes));
