"""What Prometheus scrapes otherwise: jobs, their intervals, targets and labels, and its global settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from stackgen.words.spell import duration, instead, labelled, listed, seconds
from stackgen.words.trees import Tree

Told = Iterator[tuple[str, str]]
Job = Mapping[str, Any]
GLOBAL = {
    "scrape_interval": "a job without an interval of its own is scraped every",
    "scrape_timeout": "a scrape may take",
    "evaluation_interval": "rules are evaluated every",
}
SPOKEN = {
    "scrape_interval",
    "scrape_timeout",
    "metrics_path",
    "scheme",
    "authorization",
    "static_configs",
    "relabel_configs",
    "job_name",
}


def jobs(old: Tree, new: Tree) -> Told:
    """Job and what becomes of it; settings of all jobs as whole sentences."""
    if old.prometheus == new.prometheus:
        return
    yield from _globals(old.prometheus, new.prometheus)
    before, after = (
        {str(job.get("job_name")): job for job in tree.prometheus.get("scrape_configs") or ()} for tree in (old, new)
    )
    for name in dict.fromkeys((*after, *before)):
        if name not in before:
            every = duration(_interval(after[name], new.prometheus))
            yield f"job {name}", f"is new: {listed(_targets(after[name]), 3) or 'discovered targets'}, every {every}"
        elif name not in after:
            yield f"job {name}", "is gone: scraped no longer"
        else:
            for clause in _changed(before[name], after[name], old.prometheus, new.prometheus):
                yield f"job {name}", clause


def _globals(before: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    was, now = before.get("global") or {}, after.get("global") or {}
    for key, words in GLOBAL.items():
        if was.get(key) != now.get(key):
            yield "", f"{words} {instead(duration(now.get(key)), duration(was.get(key)))}"
    for clause in labelled(was.get("external_labels") or {}, now.get("external_labels") or {}):
        yield "", f"everything that leaves Prometheus {clause}"
    if before.get("alerting") != after.get("alerting"):
        yield "", "alerts go to another Alertmanager address"


def _interval(job: Job, config: Mapping[str, Any]) -> str:
    return str(job.get("scrape_interval") or (config.get("global") or {}).get("scrape_interval", "1m"))


def _changed(before: Job, after: Job, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = _interval(before, old), _interval(after, new)
    if was != now and before.get("scrape_interval") != after.get("scrape_interval"):
        yield f"is scraped every {instead(duration(now), duration(was))}"
    if before.get("scrape_timeout") != after.get("scrape_timeout"):
        yield f"times out after {instead(_timeout(after, new), _timeout(before, old))}"
    for key, default in (("metrics_path", "/metrics"), ("scheme", "http")):
        if before.get(key, default) != after.get(key, default):
            new_value, old_value = after.get(key, default), before.get(key, default)
            yield f"is scraped with the {key.replace('_', ' ')} {instead(new_value, old_value)}"
    if _token(before) != _token(after):
        yield f"is shown the token {_token(after)}" if _token(after) else "is shown no token any more"
    yield from _targets_changed(_targets(before), _targets(after))
    if before.get("relabel_configs") != after.get("relabel_configs"):
        yield "is relabelled otherwise"
    others = [key for key in sorted({*before, *after} - SPOKEN) if before.get(key) != after.get(key)]
    if others:
        yield f"changes: {listed(others)}"


def _token(job: Job) -> str:
    """Name of the file with the token, "" for none."""
    return str((job.get("authorization") or {}).get("credentials_file", "")).rpartition("/")[2]


def _timeout(job: Job, config: Mapping[str, Any]) -> str:
    """A job without a timeout of its own has that of all jobs, or its interval where that is shorter."""
    longest = str((config.get("global") or {}).get("scrape_timeout", "10s"))
    return duration(job.get("scrape_timeout") or min(longest, _interval(job, config), key=seconds))


def _targets(job: Job) -> dict[str, dict[str, str]]:
    """Target to its labels."""
    return {
        str(target): {str(key): str(value) for key, value in (static.get("labels") or {}).items()}
        for static in job.get("static_configs") or ()
        for target in static.get("targets") or ()
    }


def _targets_changed(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    more, less = [one for one in after if one not in before], [one for one in before if one not in after]
    if more:
        yield f"gets {_word(more)} {listed(map(_name, more), 3)}"
    if less:
        yield f"loses {_word(less)} {listed(map(_name, less), 3)}"
    clauses: dict[str, None] = {}
    for target in after:
        if target in before:
            clauses |= dict.fromkeys(labelled(before[target], after[target]))
    if clauses:
        yield ", ".join(clauses)


def _word(targets: list[str]) -> str:
    return "the target" if len(targets) == 1 else "the targets"


def _name(target: str) -> str:
    """A probed URL without its password."""
    parts = urlsplit(target)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else target
