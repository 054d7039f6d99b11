"""Whether the configuration that a part reports is the one that was written, defaults aside. Nothing is asked here.

A part reports its whole configuration: what was written, spelt its own way (`90s` as `1m30s`, files with their folder,
secrets hidden), and every default. A written value must stand there. Beyond that, a key that the renderers know how to
write (WRITTEN) may stand there only empty or with its default: else it is left over from another configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from stackgen.words.matching import parsed
from stackgen.words.spell import DURATION, seconds

SECRET = "<secret>"
MATCHERS = ("matchers", "source_matchers", "target_matchers")
PATHS = ("rule_files", "templates", "files")
EXACT = ("labels", "external_labels", "params")  # their keys are a person's
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
OWN_TEXT = ".default."  # in the name of a template that comes with Alertmanager
WRITTEN: Mapping[str, frozenset[str]] = {
    part: frozenset(words.split())
    for part, words in {
        "prometheus": """
            alerting alertmanagers dns_sd_configs evaluation_interval external_labels file_sd_configs files global
            job_name labels metrics_path names params port refresh_interval relabel_configs replacement rule_files
            scheme scrape_configs scrape_interval scrape_timeout source_labels static_configs target_label targets
            type""",
        "alertmanager": """
            actions active_time_intervals api_key_file api_url api_url_file auth_password_file auth_username
            authorization bot_token_file channel chat_id client client_url color continue credentials_file
            days_of_month description discord_configs email_configs end_time equal fallback fields footer from
            group_by group_interval group_wait href html http_config inhibit_rules links location matchers
            max_alerts message months msteamsv2_configs mute_time_intervals name opsgenie_configs pagerduty_configs
            parse_mode pretext priority receiver receivers repeat_interval route routes routing_key_file
            send_resolved severity short slack_configs smarthost source source_matchers start_time target_matchers
            telegram_configs templates text time_intervals times title title_link to type url url_file username
            value webhook_configs webhook_url_file weekdays years""",
    }.items()
}
# What the programs take where nothing was written, beside nothing at all.
DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "scheme": ("http",),
    "metrics_path": ("/metrics",),
    "scrape_interval": ("1m",),
    "scrape_timeout": ("10s",),
    "evaluation_interval": ("1m",),
    "refresh_interval": ("5m", "30s"),
    "replacement": ("$1",),
    "type": ("SRV", "Bearer"),
    "send_resolved": (True,),
    "parse_mode": ("HTML",),
    "color": ('{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',),
    "url": ("https://events.pagerduty.com/v2/enqueue",),
    "api_url": ("https://api.telegram.org", "https://api.opsgenie.com/"),
}


def difference(part: str, written: bytes, text: str) -> str:
    """Where the reported text differs from what was written, as a dotted key; "" when it does not.

    part: prometheus or alertmanager.
    """
    try:
        wanted, has = yaml.load(written, yaml.CSafeLoader), yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError:
        return "it is no YAML"
    if not isinstance(wanted, Mapping) or not isinstance(has, Mapping):
        return "it is no mapping"
    return compared(part, wanted, has)


def compared(part: str, wanted: Mapping[str, Any], has: Mapping[str, Any]) -> str:
    """The same for configurations as plain data."""
    return _mapping(part, _with_intervals(wanted) if part == "prometheus" else wanted, has, "")


def _with_intervals(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Prometheus gives each job the global interval and a timeout that fits: each job must report them."""
    everywhere = wanted.get("global") or {}
    jobs = []
    for job in wanted.get("scrape_configs") or ():
        every = job.get("scrape_interval") or everywhere.get("scrape_interval", "1m")
        longest = everywhere.get("scrape_timeout", "10s")
        within = job.get("scrape_timeout") or (longest if seconds(longest) <= seconds(every) else every)
        jobs.append({**job, "scrape_interval": every, "scrape_timeout": within})
    return {**wanted, "scrape_configs": jobs}


def _mapping(part: str, wanted: Mapping[str, Any], has: Mapping[str, Any], key: str) -> str:
    for name, value in wanted.items():
        place = f"{key}.{name}" if key else str(name)
        if name not in has and value not in (None, [], {}, "", False):
            return place
        if found := _value(part, str(name), value, has.get(name), place):
            return found
    for name in has.keys() - wanted.keys():
        if found := _more(part, str(name), has, f"{key}.{name}" if key else str(name)):
            return found
    return ""


def _more(part: str, name: str, has: Mapping[str, Any], place: str) -> str:
    """Where something stands beyond what was written."""
    value = has[name]
    if not value or name not in WRITTEN[part]:
        return ""
    if isinstance(value, Mapping) and name not in EXACT:
        return _mapping(part, {}, value, place)
    if value in DEFAULTS.get(name, ()) or (isinstance(value, str) and OWN_TEXT in value):
        return ""
    return "" if name == "source" and value == has.get("client") else place  # PagerDuty's source is its client


def _value(part: str, name: str, wanted: Any, has: Any, place: str) -> str:
    if isinstance(wanted, Mapping) and isinstance(has, Mapping):
        return place if name in EXACT and wanted.keys() != has.keys() else _mapping(part, wanted, has, place)
    if isinstance(wanted, list) and isinstance(has, list):
        return _list(part, name, wanted, has, place)
    return "" if has == SECRET or _alike(name, wanted, has) else place


def _list(part: str, name: str, wanted: list[Any], has: list[Any], place: str) -> str:
    if len(wanted) != len(has):
        return f"{place} ({len(has)} entries instead of {len(wanted)})"
    if name in MATCHERS:
        return "" if sorted(parsed(str(one)) for one in wanted) == sorted(parsed(str(one)) for one in has) else place
    pairs = enumerate(zip(wanted, has, strict=True))
    found = (_value(part, name, one, other, f"{place}[{index}]") for index, (one, other) in pairs)
    return next(filter(None, found), "")


def _alike(name: str, wanted: Any, has: Any) -> bool:
    """One value: the same, the same duration or address spelt otherwise, a file with its folder, an empty one."""
    if wanted == has or (not wanted and not has):
        return True
    one, other = str(wanted), str(has)
    if name == "months":
        return _months(one) == _months(other)
    if one == other or (name in PATHS and other.endswith("/" + one)):
        return True
    if one.rstrip("/") == other.rstrip("/"):
        return True
    return bool(_is_duration(one) and _is_duration(other) and seconds(one) == seconds(other))


def _months(text: str) -> str:
    """`december` as `12`, `may:july` as `5:7`."""
    words = text.lower().split(":")
    return ":".join(str(MONTHS.index(month) + 1) if month in MONTHS else month for month in words)


def _is_duration(text: str) -> bool:
    return bool(text) and "".join(number + unit for number, unit in DURATION.findall(text)) == text
