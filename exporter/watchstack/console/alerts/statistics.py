"""What the alerts of some days add up to: how many, how long, which again and again. From the inbox and Prometheus."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from watchstack.console.alerts.active import WATCHDOG
from watchstack.console.alerts.episodes import Episode, since
from watchstack.console.context import Console
from watchstack.console.inbox.entries import ESCALATED, SEVERITIES
from watchstack.console.peers.ask import SHORT, Peer, together
from watchstack.console.peers.series import instant

DAYS = (1, 7, 30, 90)
USUAL = 7
LONGEST = 90  # days that programs may ask for
MOST = 20_000  # episodes that are counted
ROWS = 10  # of every table
LONGEST_FOR_PROMETHEUS = 30  # days


def statistics(own: Console, days: int) -> dict[str, Any]:
    """Counts and durations of the alerts that began within these days, and the same of the days before for the trend.

    Raises StoreError. `firing_minutes` comes from Prometheus; `troubles` says why it is missing. `complete`: whether
    the inbox still holds all of both.
    """
    now = own.clock.time()
    begin = now - days * 86400
    found = since(own.store, begin - days * 86400, MOST)
    whole = own.inbox.holds(begin - days * 86400)
    told = together({"minutes": lambda: _minutes(own, days)})["minutes"]
    recent = [one for one in found if one.began >= begin]
    earlier = [one for one in found if one.began < begin and one.began >= begin - days * 86400]
    return {
        "days": days,
        "total": len(recent),
        "before": len(earlier),
        "firing": sum(one.ended is None for one in found),
        "resolve": durations(recent),
        "resolve_before": durations(earlier),
        "severities": _counted(recent, earlier, "severity"),
        "teams": _counted(recent, earlier, "team"),
        "services": _counted(recent, earlier, "service")[:ROWS],
        "alerts": noisiest(recent, earlier, now)[:ROWS],
        "by_day": by_day(recent, begin, now),
        "firing_minutes": told.value or [],
        "troubles": [told.trouble] if told.trouble else [],
        "complete": whole and len(found) < MOST,
    }


def durations(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Seconds from beginning to end of those that ended; None where none did."""
    lasted = [one.ended - one.began for one in episodes if one.ended is not None]
    if not lasted:
        return {"count": 0, "mean_seconds": None, "median_seconds": None, "longest_seconds": None}
    return {
        "count": len(lasted),
        "mean_seconds": round(sum(lasted) / len(lasted), 3),
        "median_seconds": round(median(lasted), 3),
        "longest_seconds": round(max(lasted), 3),
    }


def noisiest(recent: Sequence[Episode], earlier: Sequence[Episode], now: float) -> list[dict[str, Any]]:
    """The alerts that came most often: how often, for how many instances, how long in all, how fast they ended."""
    by_name: dict[str, list[Episode]] = defaultdict(list)
    for one in recent:
        by_name[one.alertname].append(one)
    before = Counter(one.alertname for one in earlier)
    rows = [
        {
            "alertname": name,
            "severity": min((one.tier for one in of_name), key=[*SEVERITIES, "other"].index),
            "count": len(of_name),
            "before": before[name],
            "instances": len({one.fingerprint for one in of_name}),
            "fired_seconds": round(sum(one.lasted(now) for one in of_name), 3),
            "mean_seconds": durations(of_name)["mean_seconds"],
        }
        for name, of_name in by_name.items()
    ]
    return sorted(rows, key=lambda row: (-int(str(row["count"])), str(row["alertname"])))


def by_day(episodes: Iterable[Episode], begin: float, end: float) -> list[dict[str, Any]]:
    """How many began on each day (UTC), by severity; days without any are there as well."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in episodes:
        counts[_day(one.began).isoformat()][one.tier] += 1
    first, last = _day(begin), _day(end)
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    return [
        {"day": day, **{tier: counts[day][tier] for tier in (*SEVERITIES, "other")}, "total": counts[day].total()}
        for day in days
    ]


def _day(moment: float) -> Any:
    return datetime.fromtimestamp(moment, UTC).date()


def _counted(recent: Sequence[Episode], earlier: Sequence[Episode], name: str) -> list[dict[str, Any]]:
    now, before = (Counter(getattr(one, name) for one in episodes) for episodes in (recent, earlier))
    keys = sorted(set(now) | set(before), key=lambda key: (-now[key], -before[key], key))
    return [{name: key, "count": now[key], "before": before[key]} for key in keys]


def _minutes(own: Console, days: int) -> list[dict[str, Any]]:
    """For how many minutes alerts fired, as Prometheus saw it, also those that nobody was told of. Raises PeerError."""
    days = min(days, LONGEST_FOR_PROMETHEUS)
    step = max(1, days // 3)  # minutes
    chosen = f'ALERTS{{alertstate="firing",alertname!="{WATCHDOG}",{ESCALATED}=""}}'
    counted = f"count_over_time({chosen}[{days}d:{step}m])"
    query = f"{step} * topk({ROWS}, sum by (alertname, severity) ({counted}))"
    samples = instant(Peer.of(own, "Prometheus", SHORT), query)
    rows = [
        {"alertname": one.labels.get("alertname", ""), "severity": one.labels.get("severity", ""),
         "minutes": int(one.value), "days": days}
        for one in samples
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-int(str(row["minutes"])), str(row["alertname"])))
