"""A console over the real Prometheus and Alertmanager, with alerts and numbers that a test sets, as fast as they go."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from console_browser import console_process
from console_kit import TOKEN
from console_parts import Find, part_running
from standin import Reply, standing_in
from support import choose_ports
from watchstack.console.inbox.endings import NOTE
from watchstack.console.store import FILE

# A console that takes a muted alert for over a little after Alertmanager forgot it, not a minute.
SOONER = "from watchstack.console.inbox import endings; endings.MUTED_GRACE = 5.0"
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
global: {{scrape_interval: 2s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs: [{{job_name: told, honor_labels: true, static_configs: [{{targets: ['{told}']}}]}}]
"""


@dataclass
class Front:
    """lines: what the next scrape finds, in Prometheus's text format; without a line of an alert it ends.

    folder: what the processes were given.
    """

    folder: Path
    console: str = ""
    alertmanager: str = ""
    prometheus: str = ""
    lines: list[str] = field(default_factory=list)

    def exposed(self, _: str, __: str) -> Reply:
        text = "".join(f"{line}\n" for line in self.lines)
        return 200, {"Content-Type": "text/plain; version=0.0.4"}, text.encode()

    def known_as_muted(self) -> list[bool]:
        """Of each alert that the console expects an end of, whether it has noticed that nobody will tell of it."""
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / FILE}?mode=ro", uri=True)) as kept:
            row = kept.execute("SELECT value FROM note WHERE key = ?", (NOTE,)).fetchone()
        return list(json.loads(row[0]).values()) if row else []


@contextmanager
def front(program: Find, folder: Path, rules: str) -> Iterator[Front]:
    """rules: text of a rule file. The console's inbox is told by this very Alertmanager."""
    found = Front(folder)
    am, prom = choose_ports(2)
    found.alertmanager, found.prometheus = f"http://127.0.0.1:{am}", f"http://127.0.0.1:{prom}"
    with ExitStack() as stack:
        told = stack.enter_context(standing_in(found.exposed)).address
        peers = {"alertmanager": found.alertmanager, "prometheus": found.prometheus}
        found.console = stack.enter_context(console_process(folder, before=SOONER, **peers))
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
                f"--web.listen-address=127.0.0.1:{prom}", "--rules.alert.resend-delay=5s",
            ],
        }  # fmt: skip
        for address, command in commands.items():
            log = f"{Path(command[0]).name}.log"
            stack.enter_context(part_running(command, f"{address}/-/ready", folder, log))
        yield found
