"""Grafana's links as ways of this console: /d/ is /dashboards/, Explore is the log page. The browser fills in the time.

What is no address of the web, and what only Grafana can show, is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from watchstack.console.dashboards import plain

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_QUERY_VARIABLES = re.compile(r"\$\{(\w+):queryparam\}")


@dataclass(frozen=True)
class Link:
    """kind: dashboard (uid, query), logs (expr), tags (tags), page (address). time, variables: are taken along.

    query: names and values, in which the browser fills `${__from}`, `${__to}`, `${__field.labels.x}`, `${name}`;
    names alone are variables that are taken along.
    """

    kind: str
    title: str
    uid: str = ""
    query: tuple[tuple[str, str], ...] = ()
    expr: str = ""
    tags: tuple[str, ...] = ()
    address: str = ""
    time: bool = False
    variables: bool = False
    window: bool = False

    def plain(self) -> dict[str, Any]:
        """Without what is not set."""
        return {key: value for key, value in asdict(self).items() if value}


def dashboard_links(links: Sequence[dict[str, Any]], own: str = "") -> tuple[Link, ...]:
    """Of a dashboard. own: the console's own address, links to which lead to its first page."""
    found = []
    for link in links[:30]:
        title, tags = plain.text(link, "title"), plain.texts(link, "tags")
        time, variables = plain.flag(link, "keepTime"), plain.flag(link, "includeVars")
        if plain.text(link, "type") == "dashboards":
            found.append(Link("tags", title, tags=tags, time=time, variables=variables))
        elif way := _way(title, plain.text(link, "url"), own, plain.flag(link, "targetBlank")):
            found.append(replace(way, time=time, variables=variables))
    return tuple(found)


def data_links(links: Sequence[dict[str, Any]]) -> tuple[Link, ...]:
    """Of a panel or of its values."""
    ways = (_way(plain.text(link, "title"), plain.text(link, "url")) for link in links[:10])
    return tuple(way for way in ways if way)


def _way(title: str, url: str, own: str = "", window: bool = False) -> Link | None:
    """Where an address leads in this console; None for nowhere."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return _outside(title, url, own, window) if parts.scheme in ("http", "https") and parts.netloc else None
    if parts.path == "/explore":
        return Link("logs", title, expr=_explored(parts.query))
    room, _, rest = parts.path.lstrip("/").partition("/")
    uid = rest.split("/")[0]
    if room != "d" or not _UID.fullmatch(uid):
        return None
    names = tuple((name, "") for name in _QUERY_VARIABLES.findall(parts.query))
    query = parse_qsl(_QUERY_VARIABLES.sub("", parts.query))
    return Link("dashboard", title, uid=uid, query=(*names, *query))


def _outside(title: str, url: str, own: str, window: bool) -> Link | None:
    if own and url.rstrip("/") == own.rstrip("/"):
        return Link("page", title, address="/")
    return None if "${" in url else Link("page", title, address=url, window=window)


def _explored(query: str) -> str:
    """The LogQL of Explore's address; "" where it holds none."""
    panes = dict(parse_qsl(query)).get("panes", "")
    try:
        document = json.loads(panes)
    except (ValueError, RecursionError):
        return ""
    for pane in document.values() if isinstance(document, dict) else ():
        for asked in plain.objects(pane, "queries"):
            if expr := plain.text(asked, "expr"):
                return expr
    return ""
