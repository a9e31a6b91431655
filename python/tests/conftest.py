"""What all tests need."""

import signal

import pytest

# Where the tests are started in the background, Ctrl-C is ignored, and so it would be in the programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> None:
    """Undo what a notebook's client, whose kernel did not start, leaves behind."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
