"""`./stack check --live`: finds out whom to ask in the running stack, and tells what came out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.engines.base import EngineError, PartStatus, State
from stackgen.live import Asker, Board, Direct, Outcome, ThroughGrafana, Verdict, examine, read
from stackgen.render.grafana import LOKI_UID, PROMETHEUS_UID

PASSWORD = "secrets/grafana-admin-password"  # a file below the checkout
USER = "admin"
YOUNG = 120.0  # seconds within which a stack has too few samples for its rates


def look(session: Session, output: Output) -> Outcome:
    """Asks every query of every dashboard. Raises EngineError when the stack does not run."""
    name = session.current()
    if not name or not session.runs(name):
        raise EngineError("the stack does not run, so that no panel can be asked", "./stack up starts it")
    parts = {part.part: part for part in session.engine(name, session.model()).status()}
    found = dashboards(session.root, name)
    if not found:
        raise EngineError("there is no dashboard below grafana/dashboards", "./stack render generates them")
    asker = whom(session.root, parts)
    output.say(f"asking the queries of {len(found)} dashboards through {asker.through} …")
    outcome = examine(found, asker)
    runs = time.time() - parts[PROMETHEUS_UID].since if PROMETHEUS_UID in parts else YOUNG
    if runs < YOUNG and any(one.verdict is Verdict.EMPTY for one in outcome.wrong):
        note = f"Prometheus has run for {runs:.0f} s: rates need a minute or two of samples, ask again then"
        return replace(outcome, notes=[*outcome.notes, note])
    return outcome


def dashboards(root: Path, engine: str) -> list[Board]:
    """The generated ones that the running stack shows, and those that people saved."""
    config = root / ".stack" / "config"
    return read(config, custom=root) if engine == "native" and config.is_dir() else read(root)


def whom(root: Path, parts: Mapping[str, PartStatus]) -> Asker:
    """Grafana where it runs, else Prometheus and Loki. Raises EngineError when the password is not to be had."""
    grafana = parts.get("grafana")
    if grafana is None or grafana.state is State.STOPPED:
        addresses = {uid: _url(parts[uid]) for uid in (PROMETHEUS_UID, LOKI_UID) if uid in parts}
        return Direct(addresses)
    try:
        password = (root / PASSWORD).read_text("utf-8").strip()
    except OSError as error:
        raise EngineError(f"cannot read {PASSWORD}: {error.strerror}", "./stack up makes it") from error
    return ThroughGrafana(_url(grafana), USER, password)


def _url(part: PartStatus) -> str:
    return part.address if "://" in part.address else f"http://{part.address}"
