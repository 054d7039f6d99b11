"""A console over the real Prometheus and Alertmanager, with alerts and numbers that a test sets, as fast as they go."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from console_browser import console_process
from console_kit import TOKEN
from support import answers, choose_ports

Find = Callable[..., Path]
ALERTMANAGER = """
route:
  receiver: inbox
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
inhibit_rules:
  - source_matchers: [severity="critical", subject=~".+"]
    target_matchers: [severity="warning", subject=~".+"]
    equal: [subject]
receivers:
  - name: inbox
    webhook_configs:
      - url: {console}/api/v1/inbox
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs: [{{job_name: told, honor_labels: true, static_configs: [{{targets: ['{told}']}}]}}]
"""


@dataclass
class Front:
    """lines: what the next scrape finds, in Prometheus's text format; without a line of an alert it ends."""

    console: str = ""
    alertmanager: str = ""
    prometheus: str = ""
    lines: list[str] = field(default_factory=list)


@contextmanager
def front(program: Find, folder: Path, rules: str) -> Iterator[Front]:
    """rules: text of a rule file. The console's inbox is told by this very Alertmanager."""
    found = Front()
    am, prom = choose_ports(2)
    found.alertmanager, found.prometheus = f"http://127.0.0.1:{am}", f"http://127.0.0.1:{prom}"
    with ExitStack() as stack:
        told = stack.enter_context(_told(found))
        peers = {"alertmanager": found.alertmanager, "prometheus": found.prometheus}
        found.console = stack.enter_context(console_process(folder, **peers))
        files = {
            "alertmanager.yml": ALERTMANAGER.format(console=found.console, token=TOKEN),
            "prometheus.yml": PROMETHEUS.format(alertmanager=f"127.0.0.1:{am}", told=told),
            "rules.yml": rules,
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        commands = {
            found.alertmanager: [
                str(program("alertmanager")), "--config.file=alertmanager.yml", "--storage.path=am",
                f"--web.listen-address=127.0.0.1:{am}", "--cluster.listen-address=",
            ],
            found.prometheus: [
                str(program("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                f"--web.listen-address=127.0.0.1:{prom}", "--rules.alert.resend-delay=1s",
            ],
        }  # fmt: skip
        for address, command in commands.items():
            stack.enter_context(_running(command, f"{address}/-/ready", folder))
        yield found


@contextmanager
def _told(front: Front) -> Iterator[str]:
    """The address, `host:port`, of what is scraped."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = "".join(f"{line}\n" for line in front.lines).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _running(command: list[str], ready: str, folder: Path) -> Iterator[None]:
    log = folder / (Path(command[0]).name + ".log")
    with log.open("w") as out, subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as process:
        try:
            ends = time.monotonic() + 30
            while not answers(ready):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < ends, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)
