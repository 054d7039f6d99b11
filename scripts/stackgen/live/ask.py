"""Asking the running stack: through Grafana's own query API, or Prometheus and Loki themselves where no Grafana runs.

Both give the same: an answer with the number of rows, or an AskError in words.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stackgen.live.boards import NAMES, Question
from stackgen.render.grafana import LOKI_UID, PROMETHEUS_UID

WITHIN = 10.0  # seconds for one query
STEP = 15  # seconds between the points of a line
LATELY = 30  # seconds of a line that are looked at: what no longer comes must not be seen in what came before
HOURS = 3 * 3600  # seconds: the time range of the dashboards, for log lines
MOST = 20 * 2**20  # bytes of an answer
LINES = 5  # log lines that are fetched


class AskError(Exception):
    """What was asked, or whom, gives no answer: the message says why."""


class DeadError(AskError):
    """The datasource is known not to answer: it was not asked again."""


@dataclass(frozen=True)
class Answer:
    """rows: samples or lines; numbers: those that are neither missing nor NaN."""

    rows: int
    numbers: int


class Asker(Protocol):
    """through: who is asked, in words. Every method raises AskError."""

    through: str

    def ask(self, question: Question) -> Answer:
        """What a query of a dashboard returns now."""

    def get(self, datasource: str, path: str, **parameters: str) -> Any:
        """JSON of a datasource's own HTTP API."""

    def provisioned(self) -> frozenset[str] | None:
        """The uids of the dashboards that Grafana has taken over, None where there is no Grafana."""


class Direct:
    """Prometheus and Loki by their own HTTP APIs. addresses: by the datasource's uid."""

    through = "Prometheus and Loki"

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses

    def get(self, datasource: str, path: str, **parameters: str) -> Any:
        address = self._addresses.get(datasource)
        if address is None:
            raise AskError(unknown(datasource, self._addresses))
        return fetch(f"{address}{path}{_query(parameters)}", None, {}, name_of(datasource))

    def ask(self, question: Question) -> Answer:
        if question.datasource not in (PROMETHEUS_UID, LOKI_UID):
            raise AskError(unknown(question.datasource, (PROMETHEUS_UID, LOKI_UID)))
        now = time.time()
        prefix = "/loki/api/v1" if question.datasource == LOKI_UID else "/api/v1"
        if question.instant:
            found = self.get(question.datasource, f"{prefix}/query", query=question.expr, time=f"{now:.3f}")
        else:
            span = {"start": f"{now - (HOURS if question.lines else LATELY):.3f}", "end": f"{now:.3f}"}
            more = {"limit": str(LINES)} if question.lines else {"step": str(STEP)}
            found = self.get(question.datasource, f"{prefix}/query_range", query=question.expr, **span, **more)
        return _counted(found["data"])

    def provisioned(self) -> frozenset[str] | None:
        return None


class ThroughGrafana:
    """Grafana's query API, and its proxy to the datasources for what is not a query."""

    through = "Grafana"

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def get(self, datasource: str, path: str, **parameters: str) -> Any:
        uid = urllib.parse.quote(datasource, safe="")
        url = f"{self._url}/api/datasources/proxy/uid/{uid}{path}{_query(parameters)}"
        return fetch(url, None, self._headers, f"Grafana's datasource {datasource}")

    def ask(self, question: Question) -> Answer:
        now = int(time.time() * 1000)
        target = {**question.target, "expr": question.expr, "refId": question.ref, "intervalMs": STEP * 1000}
        kind = {"type": question.datasource} if question.datasource in NAMES else {}  # ours have one name for both
        target |= {"datasource": {**kind, "uid": question.datasource}, "maxDataPoints": 300}
        if question.datasource == LOKI_UID:
            target |= {"queryType": "instant" if question.instant else "range", "maxLines": LINES}
        span = (HOURS if question.lines else LATELY) * 1000
        body = json.dumps({"queries": [target], "from": str(now - span), "to": str(now)}).encode()
        try:
            found = fetch(f"{self._url}/api/ds/query", body, self._headers, "Grafana")
        except AskError as error:
            if "source not found" in str(error).lower():
                raise AskError(unknown(question.datasource, NAMES)) from error
            raise
        result = found.get("results", {}).get(question.ref, {})
        if result.get("error"):
            raise AskError(str(result["error"]))
        return _framed(result.get("frames", ()))

    def provisioned(self) -> frozenset[str] | None:
        found = fetch(f"{self._url}/api/search?type=dash-db&limit=5000", None, self._headers, "Grafana")
        if not isinstance(found, list):
            raise AskError("Grafana gave an answer of another form")
        return frozenset(str(one["uid"]) for one in found)


def entries(asker: Asker, datasource: str, path: str, key: str = "", **parameters: str) -> list[Any]:
    """The list under `data` of the answer of a datasource's HTTP API, or under a key in there. Raises AskError."""
    found = asker.get(datasource, path, **parameters)
    try:
        listed = found["data"][key] if key else found.get("data") or []  # Loki leaves an empty list of labels out
    except (AttributeError, KeyError, TypeError, IndexError):
        listed = None
    if not isinstance(listed, list):
        raise AskError(f"{name_of(datasource)} gave an answer of another form")
    return listed


def name_of(datasource: str) -> str:
    """What people call it."""
    return NAMES.get(datasource, datasource)


def unknown(datasource: str, known: Iterable[str]) -> str:
    """That there is no such datasource."""
    return f"no datasource has the uid '{datasource}'; there are {', '.join(sorted(known))}"


def fetch(url: str, body: bytes | None, headers: Mapping[str, str], who: str) -> Any:
    """JSON from an address, with POST when there is a body. who: the name in what an AskError says."""
    request = urllib.request.Request(url, data=body, headers=dict(headers))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, whatever proxy is set
    try:
        with opener.open(request, timeout=WITHIN) as answer:
            content = answer.read(MOST + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(64 * 1024)
        raise _refused(error.code, said, who) from error
    except TimeoutError as error:
        raise AskError(f"{who} did not answer within {WITHIN:.0f} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise AskError(f"{who} does not answer ({getattr(error, 'reason', None) or error})") from error
    if len(content) > MOST:
        raise AskError(f"the answer is larger than {MOST // 2**20} MiB")
    try:
        return json.loads(content)
    except ValueError as error:
        raise AskError(f"{who} answered something that is no JSON") from error


def _query(parameters: Mapping[str, str]) -> str:
    return f"?{urllib.parse.urlencode(parameters)}" if parameters else ""


def _refused(code: int, said: bytes, who: str) -> AskError:
    """What an error's body says: Prometheus and Loki under `error`, Grafana under each query or `message`."""
    text = said.decode("utf-8", "replace").strip()
    told = _told(text)
    if code in (502, 503, 504):
        return AskError(f"{who} does not answer (HTTP {code}{f': {told[:200]}' if told else ''})")
    if code in (401, 403):
        return AskError(f"{who} refuses: {(told or text)[:200] or code}")
    return AskError((told or text)[:500] or f"{who} answered {code}")


def _told(text: str) -> str:
    """The sentence in an error's JSON, "" when there is none."""
    try:
        content = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    results = content.get("results")
    queries = [one for one in results.values() if isinstance(one, dict)] if isinstance(results, dict) else []
    words = (*(one.get("error") for one in queries), content.get("error"), content.get("message"))
    return next((str(one) for one in words if one), "")


def _counted(data: Mapping[str, Any]) -> Answer:
    """Of an answer of Prometheus or Loki: scalars and vectors, matrices, streams of lines. A histogram is a number."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        values = [result[1]]
    elif kind == "streams":
        lines = sum(len(one["values"]) for one in result)
        return Answer(lines, lines)
    else:
        values = [pair[1] for one in result for pair in _samples(one)]
    return Answer(len(values), sum(value != "NaN" for value in values))


def _samples(series: Mapping[str, Any]) -> Iterator[Any]:
    """Pairs of time and value: one in a vector, several in a matrix."""
    for one, several in (("value", "values"), ("histogram", "histograms")):
        yield from series.get(several, ())
        if one in series:
            yield series[one]


def _framed(frames: Any) -> Answer:
    """Of the frames that Grafana gives; a missing value and NaN are null there."""
    rows = numbers = 0
    for frame in frames:
        columns = frame["data"]["values"]
        if not columns:
            continue
        rows += len(columns[0])
        kinds = [field["type"] for field in frame["schema"]["fields"]]
        counted = [column for column, kind in zip(columns, kinds, strict=False) if kind == "number"]
        numbers += sum(one is not None for column in counted for one in column) if counted else len(columns[0])
    return Answer(rows, numbers)
