"""What Prometheus scrapes: every target with its health, problems first, and what to do about each error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.knowledge.common import LONGEST, Away, ask, since, vectors
from watchstack.console.pages import frame
from watchstack.console.peers.ask import ODD

HEALTHS = ("down", "unknown", "up")  # worst first
SHOWN = 500
LONGEST_ERROR = 500  # characters
# What stands in an error of Prometheus, what it means, what to do. The first that fits is told: the words of a status
# (504 Gateway Timeout) are no timeout of ours.
HINTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("HTTP status 401", "HTTP status 403"), "It asks for a login, or refuses the one it got.",
     "Give `bearer_token_file` to the service in stack.yml, or open the metrics path of the program."),
    (("HTTP status 404",), "It has no page at this path.",
     "Correct `metrics_path` in stack.yml; applications of the library have /metrics."),
    (("HTTP status 429",), "It refuses because it is asked too often.", "Scrape less often: `interval` in stack.yml."),
    (("HTTP status 5",), "The program fails while it answers.", "Look for the exception in the logs of the service."),
    (("HTTP status 3",), "It sends on to another address.", "Name the address that it sends to."),
    (("credentials",), "Prometheus cannot read the login that it should show.",
     "See whether `bearer_token_file` in stack.yml names a file that is there and not empty, then ./stack apply."),
    (("HTTP response to HTTPS client", "not look like a TLS handshake"), "It speaks no HTTPS, and HTTPS is asked.",
     "Set `scheme: http`."),
    (("connection refused",), "Nothing listens at this address.",
     "Start the program, or correct the port in stack.yml under `targets`; inside of a container 127.0.0.1 is the "
     "container itself, host.docker.internal the machine."),
    (("no such host", "server misbehaving", "name resolution"), "The name of the host is not known.",
     "Correct the name in stack.yml, or put both containers on one network."),
    (("context deadline exceeded", "timeout", "timed out"), "It did not answer within the scrape timeout.",
     "See whether the program hangs or is overloaded; a page of very many series needs a longer `timeout`."),
    (("no route to host", "network is unreachable", "host is unreachable"), "There is no way to this host.",
     "See whether the host is up and on the same network, and whether a firewall stands between."),
    (("connection reset", "unexpected EOF", ": EOF"), "The connection was closed before the answer was whole.",
     "See whether the program restarts, and whether it speaks HTTPS where HTTP is asked or the other way round."),
    (("text/html", "unsupported Content-Type", "expected a valid start token", "invalid metric type", "parse error",
      "expected label", "expected equal", "expected value", "INVALID"),
     "What it answers is no metrics, often an HTML page.",
     "Correct `metrics_path` in stack.yml: open the address in a browser, plain lines like `up 1` must come."),
    (("sample limit exceeded", "sample_limit", "label_limit", "label limit", "body size limit"),
     "It has more than the limits of this stack allow.",
     "Look for a label with endless values (a user, an address, a raw path) and drop it; else raise the limit."),
    (("x509", "certificate", "tls:"), "The certificate is not trusted, is out of date or names another host.",
     "Renew it, or have it signed by an authority that Prometheus's machine trusts."),
    (("out of order", "duplicate sample", "out of bounds"), "It gives samples twice or with old times.",
     "Let the program leave timestamps away, and see that no series stands twice on its page."),
)  # fmt: skip
blueprint = Blueprint("targets", __name__)


@dataclass(frozen=True)
class Target:
    """health: one of HEALTHS. scraped: Unix seconds or None; took, interval: seconds; samples: None where not known.

    meaning, hint: what the error means and what to do, empty where nothing is known.
    """

    job: str
    service: str
    instance: str
    address: str
    health: str
    error: str
    meaning: str
    hint: str
    scraped: float | None
    took: float
    interval: str
    samples: float | None
    labels: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "scraped": None if self.scraped is None else iso(self.scraped)}


@dataclass(frozen=True)
class Targets:
    """Problems first. dropped: targets that relabelling leaves out."""

    targets: tuple[Target, ...] = ()
    dropped: int = 0
    troubles: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        return {health: sum(one.health == health for one in self.targets) for health in HEALTHS}


def gather(own: Console) -> Targets:
    away = Away(own, "Prometheus")
    asked = {"targets": away.question(lambda peer: peer.get("/api/v1/targets", [("state", "any")]))}
    answers = ask(asked | vectors(own, {"samples": "scrape_samples_scraped"}))
    samples = answers.by("samples", "job", "instance")
    troubles = list(answers.troubles)
    try:
        data = answers.found["targets"]["data"] if answers.knows("targets") else {}
        found = [_target(one, samples) for one in data.get("activeTargets") or ()]
        counted = data.get("droppedTargetCounts") or {}
        dropped = int(sum(counted.values())) or len(data.get("droppedTargets") or ())
    except ODD:
        return Targets(troubles=(*troubles, "Prometheus answered in an unknown way"))
    found.sort(key=lambda one: (HEALTHS.index(one.health), one.job, one.service, one.instance))
    return Targets(tuple(found), dropped, tuple(troubles))


def _target(told: Mapping[str, Any], samples: Mapping[tuple[str, ...], float]) -> Target:
    labels = {str(name): str(value) for name, value in told["labels"].items()}
    job, instance = labels.get("job", ""), labels.get("instance", "")
    error = str(told.get("lastError") or "")
    meaning, hint = advice(error)
    health = str(told.get("health", "unknown"))
    return Target(
        job=job,
        service=labels.get("service", ""),
        instance=instance,
        address=str(told.get("scrapeUrl", "")),
        health=health if health in HEALTHS else "unknown",
        error=error[:LONGEST_ERROR],
        meaning=meaning,
        hint=hint,
        scraped=since(told.get("lastScrape", "")),
        took=float(told.get("lastScrapeDuration") or 0),
        interval=str(told.get("scrapeInterval", "")),
        samples=samples.get((job, instance)),
        labels={name: value for name, value in labels.items() if name not in ("job", "instance", "service")},
    )


def advice(error: str) -> tuple[str, str]:
    """What an error of Prometheus means, and what to do."""
    if not error:
        return "", ""
    for words, meaning, hint in HINTS:
        if any(word.lower() in error.lower() for word in words):
            return meaning, hint
    return "The scrape failed.", "Ask the address yourself, with curl, and look into the logs of the program."


def _chosen(found: Targets) -> list[Target]:
    """?health=, ?service=, ?text=: which of them."""
    told = {name: request.args.get(name, "")[:LONGEST].strip() for name in ("health", "service", "text")}
    if told["health"] not in ("", *HEALTHS):
        abort(404)
    return [
        one
        for one in found.targets
        if told["health"] in ("", one.health)
        and told["service"] in ("", one.service)
        and told["text"].lower() in f"{one.job} {one.service} {one.address} {one.error}".lower()
    ]


@blueprint.get("/targets")
def shown() -> ResponseReturnValue:
    own = console()
    found = gather(own)
    chosen = _chosen(found)
    return render_template(
        "targets.html",
        **frame(own),
        targets=found,
        found=chosen[:SHOWN],
        count=len(chosen),
        health=request.args.get("health", ""),
        text=request.args.get("text", "")[:LONGEST],
        service=request.args.get("service", "")[:LONGEST],
        troubles=found.troubles,
    )


@blueprint.get("/api/targets")
def as_json() -> ResponseReturnValue:
    found = gather(console())
    return {
        "targets": [one.as_json() for one in _chosen(found)],
        "counts": found.counts(),
        "dropped": found.dropped,
        "missing": found.troubles,
    }
