"""Runs a command whose standard error is a terminal: on_terminal.py COLUMNS ROWS INTERRUPT_AFTER -- COMMAND...

With --both rather than --, its standard output is the terminal too.

Prints as JSON the exit code, what was drawn, and whether the terminal has its modes back.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

columns, rows, after = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
main, side = pty.openpty()
fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
before = termios.tcgetattr(side)
begin = time.monotonic()
output = side if sys.argv[4] == "--both" else subprocess.DEVNULL
child = subprocess.Popen(sys.argv[5:], stdin=side, stdout=output, stderr=side)
drawn = b""
interrupted = after <= 0
while True:
    ended = child.poll() is not None
    if not interrupted and time.monotonic() - begin > after:
        child.send_signal(signal.SIGINT)
        interrupted = True
    ready, _, _ = select.select([main], [], [], 0.05)
    if ready:
        drawn += os.read(main, 65536)
    elif ended:
        break
after = termios.tcgetattr(side)
print(json.dumps({"code": child.returncode, "drawn": drawn.decode(errors="replace"), "restored": before == after}))
