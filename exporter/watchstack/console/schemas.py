"""JSON Schemas of what the console's API answers and takes, by name: plain data. Which route answers what: openapi.py.

An object takes no key that does not stand here, unless its keys are names that somebody gave.
"""

from __future__ import annotations

from watchstack.shapes import (
    ANY,
    BOOL,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    by_name,
    each,
    maybe,
    record,
    told,
)

SEVERITY: Schema = {"enum": ["critical", "error", "warning", "info", "other"]}
TEXTS = by_name(TEXT)
MAYBE_TIME, MAYBE_NUMBER = maybe(TIME), maybe(NUMBER)
UNIX = told("Unix seconds", type="number")
_TIERS: Schema = dict.fromkeys(("critical", "error", "warning", "info", "other"), WHOLE)
FIRING = record(_TIERS)
COUNTS = by_name(WHOLE)
MISSING = told("what could not be asked, in words", **each(TEXT))
_SET: Schema = {**dict.fromkeys(("title", "address", "uid", "expr"), TEXT), "tags": each(TEXT),
                "query": each(each(TEXT)), **dict.fromkeys(("time", "variables", "window"), BOOL)}  # fmt: skip
LINK = record({"kind": TEXT, **_SET}, optional=tuple(_SET))  # what is not set is left out

# Alerts and messages
_ABOUT: Schema = dict.fromkeys(("alertname", "severity", "service", "instance", "team", "fingerprint"), TEXT)
_SILENCE = record({"id": TEXT, "by": TEXT, "until": TIME, "why": TEXT})
_TAKEN = record({"by": TEXT, "note": TEXT, "since": TIME, "until": TIME, "silence": TEXT})
ALERT = record(
    {**_ABOUT, "labels": TEXTS, "annotations": TEXTS, "startsAt": TIME, "state": TEXT, "entry": maybe(WHOLE),
     "escalated": maybe(TEXT), "acknowledged": maybe(_TAKEN), "silencedBy": each(_SILENCE), "inhibitedBy": each(TEXT),
     "mutedBy": each(TEXT), "receivers": each(TEXT)}
)  # fmt: skip
ENTRY = record(
    {**_ABOUT, "id": WHOLE, "status": {"enum": ["firing", "resolved"]}, "labels": TEXTS, "annotations": TEXTS,
     "startsAt": TIME, "endsAt": MAYBE_TIME, "receivedAt": TIME, "repeatedAt": TIME, "times": WHOLE, "receiver": TEXT,
     "groupKey": TEXT, "generatorURL": TEXT, "externalURL": TEXT}
)  # fmt: skip
_EPISODE = record(
    {**_ABOUT, "id": WHOLE, "status": {"enum": ["firing", "resolved"]}, "summary": TEXT, "startsAt": TIME,
     "endsAt": MAYBE_TIME, "durationSeconds": MAYBE_NUMBER}
)  # fmt: skip
_RESOLVE = record(
    {"count": WHOLE, **dict.fromkeys(("mean_seconds", "median_seconds", "longest_seconds"), MAYBE_NUMBER)}
)
_STATISTICS = record(
    {"timestamp": TIME, "days": WHOLE, "total": WHOLE, "before": WHOLE, "firing": WHOLE, "complete": BOOL,
     "resolve": _RESOLVE, "resolve_before": _RESOLVE, "troubles": MISSING,
     "alerts": each(record({"alertname": TEXT, "severity": TEXT, "count": WHOLE, "before": WHOLE, "instances": WHOLE,
                            "fired_seconds": NUMBER, "mean_seconds": MAYBE_NUMBER})),
     "services": each(record({"service": TEXT, "count": WHOLE, "before": WHOLE})),
     "severities": each(record({"severity": TEXT, "count": WHOLE, "before": WHOLE})),
     "teams": each(record({"team": TEXT, "count": WHOLE, "before": WHOLE})),
     "by_day": each(record({"day": TEXT, "total": WHOLE, **_TIERS})),
     "firing_minutes": each(record({"alertname": TEXT, "severity": TEXT, "days": WHOLE, "minutes": WHOLE}))}
)  # fmt: skip

# Charts, and the dashboards that are drawn here
_POINT = told("Unix seconds, and the value", type="array", items=MAYBE_NUMBER, minItems=2, maxItems=2)
CHART = record(
    {"unit": TEXT, "series": each(record({"name": TEXT, "points": each(_POINT)})),
     "thresholds": each(record({"value": NUMBER, "colour": TEXT})), "from": UNIX, "to": UNIX, "low": NUMBER,
     "high": NUMBER},
    optional=("from", "to", "low", "high"),
)  # fmt: skip
_PANEL: Schema = {
    "type": "object", "required": ["id", "kind", "title", "place"],
    "properties": {"id": WHOLE, "kind": TEXT, "title": TEXT, "description": TEXT, "links": each(LINK),
                   "place": record(dict.fromkeys("xywh", WHOLE))},
}  # fmt: skip
_VARIABLE = record(
    {"name": TEXT, "label": TEXT, "description": TEXT, "kind": TEXT, "multi": BOOL, "all": BOOL, "default": each(TEXT)}
)
_DASHBOARD = record(
    {"uid": TEXT, "title": TEXT, "tags": each(TEXT), "from": TEXT, "to": TEXT, "refresh": WHOLE,
     "only_in_grafana": each(TEXT), "links": each(LINK), "variables": each(_VARIABLE), "panels": each(_PANEL)}
)  # fmt: skip
_DASHBOARDS = record(
    {"dashboards": each(record({"uid": TEXT, "title": TEXT, "tags": each(TEXT), "panels": WHOLE, "custom": BOOL})),
     "tags": each(TEXT), "left_out": each(TEXT), "q": TEXT, "tag": TEXT}
)  # fmt: skip
_DRAWN: Schema = {"type": "object", "required": ["problems"],
                  "properties": {"problems": each(TEXT), "notes": each(TEXT)}}  # fmt: skip
_DATA = record(
    {"from": UNIX, "to": UNIX, "panels": by_name(_DRAWN), "options": by_name(ANY), "marks": {}},
    optional=("options", "marks"),
)

# What the stack consists of, and how it is
_RULE: Schema = {
    "type": "object", "required": ["name", "group", "kind", "state", "query", "labels"],
    "properties": {**dict.fromkeys(("name", "group", "kind", "state", "query", "error"), TEXT), "labels": TEXTS,
                   "annotations": TEXTS, "evaluated": MAYBE_TIME},
}  # fmt: skip
_TARGET = record(
    {**dict.fromkeys(("address", "error", "hint", "meaning", "instance", "interval", "job", "service"), TEXT),
     "health": {"enum": ["up", "down", "unknown"]}, "labels": TEXTS, "samples": MAYBE_NUMBER, "scraped": MAYBE_TIME,
     "took": MAYBE_NUMBER}
)  # fmt: skip
_SERVICE = record(
    {**dict.fromkeys(("name", "environment", "preset", "team", "state"), TEXT), "alerts": COUNTS,
     "budgets": by_name(MAYBE_NUMBER), "links": by_name(TEXT), "versions": each(TEXT), "why": each(TEXT),
     "checks": each(record({"name": TEXT, "healthy": maybe(BOOL), "seconds": MAYBE_NUMBER})),
     **dict.fromkeys(("errors", "p95", "requests"), MAYBE_NUMBER), "probe": maybe(BOOL), "targets": WHOLE,
     "targets_up": WHOLE}
)  # fmt: skip
_HOST = record(
    {"name": TEXT, **dict.fromkeys(("available", "cpu", "memory", "received", "sent"), MAYBE_NUMBER),
     "disks": each(record({"mount": TEXT, "free": MAYBE_NUMBER, "percent": MAYBE_NUMBER}))}
)  # fmt: skip
_CONTAINER = record(
    {"name": TEXT, "state": TEXT, "healthy": maybe(BOOL), "restarts": maybe(NUMBER),
     **dict.fromkeys(("cpu", "limit", "memory"), MAYBE_NUMBER)}
)  # fmt: skip
_COST = record(
    {**dict.fromkeys(("disk", "log_lines", "rule_time", "samples", "series"), MAYBE_NUMBER),
     "groups": each(record({"group": TEXT, "seconds": NUMBER})),
     "metrics": each(record({"name": TEXT, "series": WHOLE})),
     "parts": each(record({"part": TEXT, "cpu": MAYBE_NUMBER, "memory": MAYBE_NUMBER}))}
)  # fmt: skip
_ADVICE: Schema = {"message": TEXT, "action": TEXT, "link": TEXT}
_TREND = record(
    {"words": TEXT, "unit": TEXT, **dict.fromkeys(("before", "now", "change_percent"), MAYBE_NUMBER),
     "direction": {"enum": ["rising", "steady", "falling", "unknown"]}}
)  # fmt: skip
_PERIOD = record({"from": TIME, "to": TIME, "seconds": NUMBER})
_INSIGHTS = record(
    {"health_score": MAYBE_NUMBER, "confidence": NUMBER, "missing": MISSING,
     "alerts": each(record({"message": TEXT, "severity": TEXT})),
     "areas": by_name(record({"state": TEXT, "words": TEXT})),
     "findings": each(record({**_ADVICE, "points": NUMBER, "severity": TEXT})),
     "reasons": each(record({"message": TEXT, "points": NUMBER})), "recommendations": each(record(_ADVICE)),
     "period": _PERIOD, "trends": by_name(_TREND)}
)  # fmt: skip
_LINE = record({"time": TEXT, "line": TEXT, "level": TEXT, "source": TEXT, "labels": TEXTS})
_REPORT: Schema = {
    "type": "object", "required": ["period", "alerts", "services", "health_score", "missing"],
    "properties": {"period": _PERIOD, "alerts": ANY, "services": each(ANY), "hosts": each(ANY), "findings": each(ANY),
                   "health_score": MAYBE_NUMBER, "missing": MISSING, "trends": by_name(_TREND)},
}  # fmt: skip
_OVERVIEW = record(
    {"timestamp": TIME, "source": TEXT, "state": TEXT, "words": TEXT, "since": MAYBE_TIME,
     "since_seconds": MAYBE_NUMBER,
     "whose": each({}), "troubles": MISSING, "firing": FIRING, "acknowledged": WHOLE, "pending": WHOLE,
     "alerts": each(ALERT), "entries": each(ENTRY), "budgets": each(ANY), "numbers": each(ANY), "parts": each(ANY),
     "services": each(ANY)}
)  # fmt: skip

_MOMENT: Schema = {**TEXT, "pattern": r"^20[0-9]{2}-0[1-9]-[12][0-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$"}
_NOTICE: Schema = {
    "type": "object", "required": ["status", "labels", "fingerprint", "startsAt", "endsAt"],
    "properties": {"status": {"enum": ["firing", "resolved"]}, "fingerprint": {**TEXT, "pattern": "^[0-9a-f]{1,64}$"},
                   "startsAt": _MOMENT, "endsAt": _MOMENT, "annotations": TEXTS, "generatorURL": TEXT,
                   "labels": {**TEXTS, "required": ["alertname"],
                              "properties": {"alertname": {**TEXT, "minLength": 1}}}},
}  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    "error": record({"error": TEXT}),
    "overview": _OVERVIEW,
    "alerts": record(
        {"alerts": each(ALERT), "total": WHOLE, "firing": FIRING, "source": TEXT, "troubles": MISSING,
         "timestamp": TIME}
    ),
    "history": record({"history": each(_EPISODE), "count": WHOLE, "timestamp": TIME}),
    "statistics": _STATISTICS,
    "chart": CHART,
    "acknowledged": record({"silence": TEXT, "until": TIME}),
    "unacknowledged": record({"ended": each(TEXT)}),
    "entries": each(ENTRY),
    "received": record({"received": WHOLE, "new": WHOLE}),
    "heartbeat": record({"heartbeat": BOOL}),
    "relayed": record({"relayed": BOOL}),
    "audit": each(
        record({**dict.fromkeys(("user", "action", "target", "address"), TEXT), "id": WHOLE, "at": TIME,
                "facts": TEXTS})
    ),
    "dashboards": _DASHBOARDS,
    "dashboard": _DASHBOARD,
    "data": _DATA,
    "rules": record({"rules": each(_RULE), "counts": COUNTS, "missing": MISSING}),
    "rule": record({"rules": each(_RULE), "missing": MISSING}),
    "targets": record({"targets": each(_TARGET), "counts": COUNTS, "dropped": WHOLE, "missing": MISSING}),
    "services": record({"services": each(_SERVICE), "counts": COUNTS, "missing": MISSING}),
    "resources": record({"hosts": each(_HOST), "containers": each(_CONTAINER), "left_out": WHOLE, "cost": _COST,
                         "missing": MISSING}),
    "insights": _INSIGHTS,
    "logs": record(
        {"query": TEXT, "from": TIME, "to": TIME, "complete": BOOL, "missing": MISSING, "sampled": WHOLE,
         "volume": each(record({"start": TIME, "counts": COUNTS})), "lines": each(_LINE), "patterns": each(ANY)},
        optional=("lines", "patterns", "sampled"),
    ),
    "report": _REPORT,
    "everything": told("grows with what the console shows", type="object", required=["exported", "period"],
                       properties={"exported": TIME, "period": _PERIOD, "alerts": {}, "history": {}}),
    "definition": ANY,
    "openapi": ANY,
    # What is sent
    "acknowledgement": record(
        {"note": {**TEXT, "maxLength": 2000}, "who": {**TEXT, "maxLength": 200}, "seconds": WHOLE,
         "scope": {"enum": ["one", "alike"]}},
        optional=("note", "who", "seconds", "scope"),
    ),
    "notification": told("Alertmanager's webhook, version 4", type="object", required=["version", "alerts"],
                         properties={"version": {"const": "4"}, "alerts": each(_NOTICE), **dict.fromkeys(
                             ("receiver", "groupKey", "externalURL"), TEXT)}),
}  # fmt: skip
