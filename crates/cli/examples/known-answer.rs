//! The known-answer program of the testkit, built so that the tests of this crate can start it.

fn main() -> std::process::ExitCode {
    festina_testkit::known_answer(std::env::args().skip(1))
}
