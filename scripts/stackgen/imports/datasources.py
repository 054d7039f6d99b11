"""Every datasource that a dashboard names, made one of this stack's: by its type, its name, or what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stackgen.checks.promql import parse
from stackgen.imports.reading import Found, every_panel
from stackgen.live.boards import EXPRESSION, GRAFANAS_OWN, MIXED, NAMES
from stackgen.model.problems import listed
from stackgen.render.grafana import ALERTMANAGER_UID, LOKI_UID, PROMETHEUS_UID

TYPES = {  # of a plugin, to the uid and type of ours
    "prometheus": PROMETHEUS_UID,
    "grafana-amazonprometheus-datasource": PROMETHEUS_UID,
    "grafana-azureprometheus-datasource": PROMETHEUS_UID,
    "loki": LOKI_UID,
    "alertmanager": ALERTMANAGER_UID,
}
WORDS = {"prom": PROMETHEUS_UID, "mimir": PROMETHEUS_UID, "loki": LOKI_UID, "alertmanager": ALERTMANAGER_UID}
REFERENCE = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
BARE_SELECTOR = re.compile(r"(?:^|[\s(]){")  # without the name of a metric before it
ON_LOAD = 1  # when a variable's values are asked for


class Mender:
    """Changes a dashboard in place. faults: datasources that this stack has nothing for; moved: what went where."""

    def __init__(self, found: Found) -> None:
        self._model = found.model
        self.faults: list[str] = []
        self.moved: dict[str, str] = {}
        declared = self._model.pop("__inputs", None)
        inputs = {str(one.get("name")): one for one in declared or () if isinstance(one, dict)}
        for name, one in found.inputs.items():
            inputs[name] = {**inputs.get(name, {}), **one}
        self._inputs = {
            name: str(one.get("pluginId") or "") for name, one in inputs.items() if one.get("type") == "datasource"
        }
        self._constants = {
            name: str(one.get("value", "")) for name, one in inputs.items() if one.get("type") == "constant"
        }
        self._variables = {str(one.get("name")): str(one.get("query")) for one in self._list("templating")
                           if one.get("type") == "datasource"}  # fmt: skip

    def mend(self) -> None:
        """Every panel, target, variable and annotation."""
        if self._constants:
            self._model.update(_replaced(self._model, self._constants))
        for panel in every_panel(self._model):
            self._panel(panel)
        for variable in self._list("templating"):
            self._variable(variable)
        for annotation in self._list("annotations"):
            if annotation.get("datasource") is not None and not annotation.get("builtIn"):
                where = f'annotation "{annotation.get("name")}"'
                annotation["datasource"] = self._ours(
                    annotation["datasource"], where, str(annotation.get("expr") or "")
                )

    def _list(self, section: str) -> list[dict[str, Any]]:
        held = self._model.get(section)
        found = held.get("list") if isinstance(held, dict) else None
        return [one for one in found or () if isinstance(one, dict)]

    def _panel(self, panel: dict[str, Any]) -> None:
        where = f'panel "{panel.get("title") or panel.get("id")}"'
        targets = [one for one in panel.get("targets") or () if isinstance(one, dict)]
        first = next((str(one.get("expr") or "") for one in targets if one.get("expr")), "")
        logs = panel.get("type") == "logs"
        for target in targets:
            given = target.get("datasource") or panel.get("datasource")
            own = given if not _is(given, MIXED) else None
            target["datasource"] = self._ours(own, where, str(target.get("expr") or ""), logs=logs)
        if panel.get("datasource") is not None or targets:
            panel["datasource"] = self._ours(panel.get("datasource"), where, first, logs=logs)

    def _variable(self, variable: dict[str, Any]) -> None:
        where = f'variable "{variable.get("name")}"'
        if variable.get("type") == "datasource":
            ours = TYPES.get(str(variable.get("query")))
            if ours is None:
                self._fault(where, str(variable.get("query")))
                return
            variable |= {"query": ours, "regex": "", "options": [], "current": {"text": NAMES[ours], "value": ours}}
        elif variable.get("type") in ("query", "adhoc", "groupby"):
            query = variable.get("query")
            text = str(query.get("query") or "") if isinstance(query, dict) else str(query or "")
            variable["datasource"] = self._ours(variable.get("datasource"), where, text)
            if variable.get("type") == "query":
                _anew(variable)

    def _ours(self, given: Any, where: str, expr: str, *, logs: bool = False) -> Any:
        """The datasource of this stack for one that is named, or not named, in a foreign dashboard."""
        kind = str(given.get("type") or "") if isinstance(given, Mapping) else ""
        name = str(given.get("uid") or "") if isinstance(given, Mapping) else str(given or "")
        match = REFERENCE.fullmatch(name)
        if match and match[1] in self._inputs:
            kind = kind or self._inputs[match[1]]
        if kind == EXPRESSION:  # an export for sharing writes an input in the place of its uid
            return {"type": EXPRESSION, "uid": EXPRESSION}
        if name in (*GRAFANAS_OWN, MIXED) or kind == "datasource":
            return given
        if match and match[1] in self._variables:
            return {"type": TYPES.get(self._variables[match[1]], kind), "uid": f"${{{match[1]}}}"}
        ours = TYPES.get(kind) if kind else TYPES.get(name) or _by_name(name) or _by_query(expr, logs=logs)
        if ours is None:
            self._fault(where, kind or name)
            return given
        if name not in ("", ours, NAMES[ours], "default"):
            self.moved[name] = NAMES[ours]
        return {"type": ours, "uid": ours}

    def _fault(self, where: str, kind: str) -> None:
        text = f"{where} asks a datasource of type '{kind}', which this stack has not ({listed(NAMES)})"
        if text not in self.faults:
            self.faults.append(text)


def _is(given: Any, name: str) -> bool:
    return given == name or (isinstance(given, Mapping) and given.get("uid") == name)


def _by_name(name: str) -> str | None:
    return next((uid for word, uid in WORDS.items() if word in name.lower()), None)


def _by_query(expr: str, *, logs: bool) -> str:
    """Whose language it is: what is no PromQL but has a selector without a metric is LogQL."""
    if logs:
        return LOKI_UID
    plain = REFERENCE.sub("1m", expr)
    return LOKI_UID if BARE_SELECTOR.search(expr) and parse(plain).root is None else PROMETHEUS_UID


def _anew(variable: dict[str, Any]) -> None:
    """The values that the other Grafana had found are not those of this stack: they are asked for when it is opened."""
    value = (variable.get("current") or {}).get("value")
    if value not in ("$__all", ["$__all"]):
        variable["current"] = {}
    variable["options"] = []
    variable["refresh"] = variable.get("refresh") or ON_LOAD  # 0 is never


def _replaced(value: Any, constants: Mapping[str, str]) -> Any:
    """The same with `${NAME}` of every constant filled in."""
    if isinstance(value, str):
        for name, text in constants.items():
            value = value.replace(f"${{{name}}}", text)
        return value
    if isinstance(value, list):
        return [_replaced(one, constants) for one in value]
    if isinstance(value, dict):
        return {key: _replaced(one, constants) for key, one in value.items()}
    return value
