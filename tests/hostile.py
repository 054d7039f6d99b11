"""Parts of the stack whose every text is what a test gives: each answer has the shape of the real part's, its words are
hostile, or plain. Prometheus, Alertmanager and Loki, told apart by the path.
"""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from console_kit import START, when
from standin import Answer, Reply

EVIL = "<img src=x onerror=\"document.title='XSS'\">'\"><script>document.title='XSS'</script>{{7*7}}"
LINK = "javascript:document.title='XSS'"
ID = "0123abcd-0000-4000-8000-00000000abcd"


def labels(words: str, **more: str) -> dict[str, str]:
    """Labels of a series, an alert or a stream whose values, and one name, are `words`."""
    told = dict.fromkeys(("alertname", "service", "instance", "job", "team", "severity", "environment", "name"), words)
    return {"__name__": "up", **told, "level": words, words: words, **more}


def annotations(words: str, link: str) -> dict[str, str]:
    return {"summary": words, "description": words, "runbook_url": link, "dashboard_url": link, "logs_url": link}


def alert(words: str, link: str, state: str = "firing") -> dict[str, Any]:
    """As Prometheus tells of it."""
    return {"labels": labels(words), "annotations": annotations(words, link), "state": state, "activeAt": when(START),
            "value": words}  # fmt: skip


def prometheus(words: str, link: str, path: str, now: float) -> Any:
    """What Prometheus answers below `/api/v1/`."""
    rule = {"name": words, "query": words, "labels": {"severity": words}, "health": "err", "lastError": words,
            "evaluationTime": 0.01, "lastEvaluation": when(now)}  # fmt: skip
    alerting = {**rule, "type": "alerting", "duration": 60, "keepFiringFor": 0, "state": "firing",
                "annotations": annotations(words, link), "alerts": [alert(words, link)]}  # fmt: skip
    group = {"name": words, "file": words, "interval": 15, "evaluationTime": 0.1, "lastEvaluation": when(now),
             "limit": 0, "rules": [alerting, {**rule, "type": "recording"}]}  # fmt: skip
    target = {"discoveredLabels": labels(words), "labels": labels(words), "scrapePool": words, "scrapeUrl": link,
              "globalUrl": link, "lastError": words, "lastScrape": when(now), "lastScrapeDuration": 0.1,
              "health": "down", "scrapeInterval": "15s", "scrapeTimeout": "10s"}  # fmt: skip
    points = [[now - 60 + 15 * number, str(number)] for number in range(5)]
    series = {"metric": labels(words), "value": [now, "1"], "values": points}
    return {
        "query": {"resultType": "vector", "result": [{**series, "values": None}]},
        "query_range": {"resultType": "matrix", "result": [series]},
        "rules": {"groups": [group]},
        "alerts": {"alerts": [alert(words, link)]},
        "targets": {"activeTargets": [target], "droppedTargets": [], "droppedTargetCounts": {words: 1}},
        "series": [labels(words)],
        "metadata": {words: [{"type": "gauge", "help": words, "unit": words}]},
        "status/config": {"yaml": words},
        "status/flags": {words: words},
        "status/buildinfo": {"version": words, "revision": words},
        "status/runtimeinfo": {"startTime": when(now), "storageRetention": words},
        "status/tsdb": {"headStats": {"numSeries": 1}, "seriesCountByMetricName": [{"name": words, "value": 1}]},
    }.get(path, [words])


def alertmanager(words: str, link: str, path: str, now: float) -> Any:
    """What Alertmanager answers below `/api/v2/`."""
    silence = {"id": ID, "status": {"state": "active"}, "updatedAt": when(now), "comment": words, "createdBy": words,
               "startsAt": when(now - 60), "endsAt": when(now + 3600),
               "matchers": [{"name": words, "value": words, "isRegex": False, "isEqual": True}]}  # fmt: skip
    one = {"labels": labels(words), "annotations": annotations(words, link), "startsAt": when(START),
           "endsAt": when(now + 300), "updatedAt": when(now), "fingerprint": "00ff", "generatorURL": link,
           "receivers": [{"name": words}],
           "status": {"state": "active", "silencedBy": [ID], "inhibitedBy": [], "mutedBy": []}}  # fmt: skip
    return {
        "alerts": [one],
        "alerts/groups": [{"labels": labels(words), "receiver": {"name": words}, "alerts": [one]}],
        "silences": [silence],
        f"silence/{ID}": silence,
        "receivers": [{"name": words}],
        "status": {"config": {"original": words}, "uptime": when(now), "versionInfo": {"version": words},
                   "cluster": {"status": "disabled", "name": words, "peers": []}},
    }.get(path, words)  # fmt: skip


def loki(words: str, path: str, query: str, now: float) -> Any:
    """What Loki answers below `/loki/api/v1/`: lines to a question for lines, numbers to one for numbers."""
    lines = [[str(int((now - number) * 1e9)), f"{words} {number}"] for number in range(3)]
    points = [[now - 60, "1"], [now, "2"]]
    vector = {"resultType": "vector", "result": [{"metric": labels(words), "value": [now, "3"]}]}
    if path == "query_range":
        if query.startswith("{"):
            return {"resultType": "streams", "result": [{"stream": labels(words), "values": lines}]}
        return {"resultType": "matrix", "result": [{"metric": labels(words), "values": points}]}
    if path == "patterns":
        return [{"pattern": words, "level": words, "samples": [[int(now) - 60, 3], [int(now), 4]]}]
    return vector if path in ("query", "index/volume") else [words]


def whole_stack(words: str = EVIL, link: str = LINK, now: float = START) -> Answer:
    """One server that answers as all the parts, each below its own path. now: Unix seconds of the newest data."""

    def answer(method: str, target: str) -> Reply:
        parts = urlsplit(target)
        query = parse_qs(parts.query).get("query", [""])[0]
        if parts.path.startswith("/api/v2/"):
            told = alertmanager(words, link, parts.path.removeprefix("/api/v2/"), now)
            told = {"silenceID": ID} if method == "POST" else told
        elif parts.path.startswith("/loki/api/v1/"):
            told = {"status": "success", "data": loki(words, parts.path.removeprefix("/loki/api/v1/"), query, now)}
        else:
            path = parts.path.removeprefix("/prometheus").removeprefix("/api/v1/")  # Loki's ruler speaks as Prometheus
            data = prometheus(words, link, path, now)
            told = {"status": "success", "data": data, "warnings": [words], "infos": [words]}
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    return answer


WRONG: tuple[Any, ...] = (None, 5, -1e300, "x", "NaN", "", True, [], {}, [[]], [None], {"x": None}, "9" * 400, 1e18)


def mangled(variant: int, answer: Answer) -> Answer:
    """The same answers with values here and there replaced by others of any type; each variant has its own places."""

    def some(value: Any, chance: random.Random) -> Any:
        if chance.random() < 0.06:
            return chance.choice(WRONG)
        if isinstance(value, dict):
            return {key: some(inner, chance) for key, inner in value.items() if chance.random() > 0.03}
        if isinstance(value, list):
            return [some(inner, chance) for inner in value]
        return value

    def answered(method: str, target: str) -> Reply:
        status, headers, content = answer(method, target)
        chance = random.Random(f"{variant} {target}")
        return status, headers, json.dumps(some(json.loads(content), chance)).encode()

    return answered
