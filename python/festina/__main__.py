"""`python -m festina`: the native command, found beside this interpreter."""

from __future__ import annotations

import os
import sys
import sysconfig


def main() -> int:
    """Become the command `festina`."""
    program = os.path.join(sysconfig.get_path("scripts"), "festina")
    if os.path.exists(program):
        os.execv(program, [program, *sys.argv[1:]])
    print(f"error: {program} does not exist\n\nhint: pip install --force-reinstall festina", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
