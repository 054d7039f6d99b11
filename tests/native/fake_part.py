"""A part for tests of the supervisor: answers 200 on /ready, tells on standard output what happens to it.

Options: --port N, --crash-after S (exit code 3), --deaf (ignores TERM), --lines N (numbered lines at once),
--not-ready (503), --child (starts a process of its own that ignores TERM and prints its pid).
"""

from __future__ import annotations

import argparse
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--crash-after", type=float)
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--lines", type=int, default=0)
    parser.add_argument("--not-ready", action="store_true")
    parser.add_argument("--child", action="store_true")
    options = parser.parse_args()

    def reload(_number: int, _frame: FrameType | None) -> None:
        say("reloaded")

    def end(_number: int, _frame: FrameType | None) -> None:
        say("told to end")
        if not options.deaf:
            os._exit(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if options.not_ready else 200)
            self.end_headers()
            self.wfile.write(b"warming up\n" if options.not_ready else b"ready\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    signal.signal(signal.SIGHUP, reload)
    signal.signal(signal.SIGTERM, end)
    say(f"began as {os.getpid()}")
    if options.child:
        child = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.DEVNULL)
        say(f"child {child.pid}")
    if options.crash_after is not None:
        threading.Timer(options.crash_after, lambda: (say("out of cheese"), os._exit(3))).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for number in range(options.lines):
        say(f"line {number:08d} " + "x" * 80)
    while True:
        time.sleep(0.1)  # a signal that came while it was stopped may wake another thread than this one


if __name__ == "__main__":
    main()
