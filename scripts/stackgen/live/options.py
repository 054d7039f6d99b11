"""The values that a dashboard's variables offer: those of a query are asked of the running stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stackgen.live.ask import Asker, AskError, DeadError, entries
from stackgen.live.boards import GRAFANAS_OWN, Board, datasource_of, reason
from stackgen.live.outcome import Result, Verdict
from stackgen.live.variables import Value, built_in, expand, value
from stackgen.render.grafana import LOKI_UID

LABEL_VALUES = re.compile(r"label_values\(\s*(?:(.+),\s*)?([\w:.]+)\s*\)", re.DOTALL)
METRICS = re.compile(r"metrics\((.*)\)", re.DOTALL)
QUERY_RESULT = re.compile(r"query_result\((.+)\)", re.DOTALL)
SLASHED = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)  # a pattern of JavaScript, with its flags
ASKED = "query"  # the type of a variable whose values the datasource gives


def resolve(board: Board, asker: Asker) -> tuple[dict[str, Value], dict[str, str], list[Result]]:
    """Values by variable, in their order, since one may use those before it; the reasons of those that may have none,
    or whose datasource is dead; and the results of those that were asked.
    """
    values = built_in(board.scrape)
    absent: dict[str, str] = {}
    results = []
    for variable in board.variables:
        name = str(variable.get("name"))
        offered = _written(variable)
        if variable.get("type") == ASKED:
            datasource = datasource_of(variable.get("datasource"), None, values)
            if datasource in GRAFANAS_OWN:
                continue
            expr = expand(_text(variable.get("query")), values)
            offered, result = _asked(board, variable, datasource, expr, asker)
            results.append(result)
            if result.verdict is Verdict.DECLARED or result.unasked:
                absent[name] = result.why
        values[name] = value(variable, offered, board.scrape)
    return values, absent, results


def opened_alone(board: Board) -> dict[str, Value]:
    """Values without anybody being asked: `x` for those of a query."""
    return built_in(board.scrape) | {
        str(one.get("name")): value(one, ["x"] if one.get("type") == ASKED else _written(one), board.scrape)
        for one in board.variables
    }


def _asked(
    board: Board, variable: Mapping[str, Any], datasource: str, expr: str, asker: Asker
) -> tuple[list[str], Result]:
    place, ref = f"variable {variable.get('name')}", "values"
    try:
        found = _kept(options(asker, datasource, expr, variable.get("query")), str(variable.get("regex") or ""))
    except AskError as error:
        dead = isinstance(error, DeadError)
        return [], Result(board.file, place, ref, expr, Verdict.ERROR, str(error), unasked=dead)
    why = reason(str(variable.get("description") or ""))
    verdict = Verdict.OK if found else Verdict.DECLARED if why else Verdict.EMPTY
    return found, Result(board.file, place, ref, expr, verdict, "" if found else why, len(found), len(found))


def options(asker: Asker, datasource: str, expr: str, query: Any = None) -> list[str]:
    """The values that Grafana's page would offer. query: Loki's form, an object with a label and a stream selector."""
    if datasource == LOKI_UID:
        return _of_loki(asker, expr, query)
    if expr.strip() == "label_names()":
        return entries(asker, datasource, "/api/v1/labels")
    if match := METRICS.fullmatch(expr.strip()):
        names = entries(asker, datasource, "/api/v1/label/__name__/values")
        try:
            return [name for name in names if re.search(match[1], name)]
        except re.error as error:
            raise AskError(f"'{match[1]}' is no regular expression: {error}") from error
    if match := LABEL_VALUES.fullmatch(expr.strip()):
        chosen = {"match[]": match[1]} if match[1] else {}
        return entries(asker, datasource, f"/api/v1/label/{match[2]}/values", **chosen)
    if match := QUERY_RESULT.fullmatch(expr.strip()):
        return [_sample(one) for one in entries(asker, datasource, "/api/v1/query", "result", query=match[1])]
    return [str(one) for one in entries(asker, datasource, "/api/v1/series", **{"match[]": expr})]


def _sample(found: Any) -> str:
    """A sample as Grafana's page writes it, where a variable's filter finds the value that is meant."""
    if not isinstance(found, Mapping):
        return str(found)
    labels = dict(found["metric"])
    name = labels.pop("__name__", "")
    moment, value = found["value"]
    inner = ",".join(f'{label}="{one}"' for label, one in labels.items())
    return f"{name}{{{inner}}} {value} {1000 * moment:.0f}"


def _of_loki(asker: Asker, expr: str, query: Any) -> list[str]:
    match = LABEL_VALUES.fullmatch(expr.strip())
    if isinstance(query, Mapping):
        label, stream = str(query.get("label") or ""), str(query.get("stream") or "")
    else:
        stream, label = (match[1] or "", match[2]) if match else ("", "")
    path = f"/loki/api/v1/label/{label}/values" if label else "/loki/api/v1/labels"
    return entries(asker, LOKI_UID, path, **({"query": stream} if stream else {}))


def _written(variable: Mapping[str, Any]) -> list[str]:
    """What a variable that asks nobody offers: a text, a list, or datasources of a type."""
    text = _text(variable.get("query"))
    if variable.get("type") == "datasource":
        return [text]  # the uid of each of our datasources is its type
    if variable.get("type") in ("custom", "interval"):
        return [one.rpartition(" : ")[2].strip() for one in text.split(",") if one.strip()]
    return [text]


def _text(query: Any) -> str:
    found = query.get("query") if isinstance(query, Mapping) else query
    return str(found or "")


def _kept(values: list[str], pattern: str) -> list[str]:
    """Those that the variable's own filter lets through; what it names in brackets stands for the whole."""
    if not pattern:
        return values
    between = SLASHED.fullmatch(pattern)
    body, flags = (between[1], between[2]) if between else (pattern, "")
    try:
        wanted = re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", body), re.IGNORECASE if "i" in flags else 0)
    except re.error:
        return values
    found = [wanted.search(one) for one in values]
    return list(dict.fromkeys(one[1] if one.re.groups and one[1] else one.string for one in found if one))
