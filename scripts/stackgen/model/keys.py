"""Which keys stack.yml and the rule files may have. docs/stack-yml.md lists the same; a test holds them together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stackgen.model.defaults import THRESHOLDS
from stackgen.model.receivers import MAIL, OPTIONS
from stackgen.model.stack import RECEIVER_KINDS, SEVERITIES

# By place: "" is the top of the file, `[]` an item of a list, `*` a name that the user chose.
STACK_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": (
            "environment",
            "address",
            "collector",
            "profiles",
            "retention",
            "intervals",
            "services",
            "teams",
            "default_team",
            "receivers",
            "mail",
            "windows",
            "maintenance",
            "routes",
            "watchdog",
            "thresholds",
            "overrides",
        ),
        "retention": ("metrics", "metrics_size", "logs"),
        "intervals": ("scrape", "evaluation", "group_wait", "group_interval", "repeat"),
        "services[]": (
            "name",
            "targets",
            "dns",
            "files",
            "preset",
            "metrics_path",
            "scheme",
            "bearer_token_file",
            "interval",
            "timeout",
            "probe",
            "team",
            "labels",
            "environment",
            "maintenance",
            "thresholds",
            "slo",
        ),
        "services[].slo": ("availability", "latency", "over"),
        "services[].slo.latency": ("under", "for"),
        "services[].dns": ("names", "type", "port", "refresh_interval"),
        "teams.*": (*SEVERITIES, "escalation", "group_by", "repeat"),
        "teams.*.repeat": SEVERITIES,
        "receivers.*": RECEIVER_KINDS,
        **{f"receivers.*.{kind}": tuple(options) for kind, options in OPTIONS.items()},
        "mail": MAIL,
        "windows.*": ("days", "hours", "timezone", "from", "to"),
        "routes[]": ("when", "tell", "also", "group_by", "repeat"),
        "watchdog": ("notify", "silence"),
        "thresholds": tuple(THRESHOLDS),
        "overrides.*": ("disabled", "for", "threshold", "cooldown", "severity", "team"),
    }
)

FILE_KEYS = ("groups",)
GROUP_KEYS = ("name", "interval", "limit", "query_offset", "labels", "rules", "type")
PROMETHEUS_KEYS = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
OWN_KEYS = ("runbook", "dashboard", "team", "tests")
RULE_KEYS = (*PROMETHEUS_KEYS, *OWN_KEYS)
TEST_KEYS = ("name", "series", "at", "fires", "values", "interval")
