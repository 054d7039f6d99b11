"""Windows of stack.yml as Alertmanager's time intervals, which know no time over midnight and no whole date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from stackgen.model.routing import Window

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
DAY = 24 * 60  # minutes


def time_interval(window: Window) -> dict[str, Any]:
    """One entry of Alertmanager's `time_intervals`."""
    pieces = _dated(window) if window.begin and window.end else _weekly(window)
    place = {"location": window.timezone} if window.timezone != "UTC" else {}
    return {"name": window.name, "time_intervals": [{**piece, **place} for piece in pieces]}


def _weekly(window: Window) -> Iterator[dict[str, Any]]:
    """Hours on days of the week; what reaches over midnight is a piece of the next day too."""
    same = [(start, stop if stop > start else DAY) for start, stop in window.hours]
    over = [(0, stop) for start, stop in window.hours if 0 < stop <= start]
    for hours, shift in ((same, 0), (over, 1)):
        if hours or (shift == 0 and not window.hours):
            days = [(day + shift) % 7 for day in window.days]
            yield {**_times(hours), **({"weekdays": _ranges(days)} if len(set(days)) not in (0, 7) else {})}


def _dated(window: Window) -> Iterator[dict[str, Any]]:
    """One stretch of time, day by day; whole days of a month come together."""
    assert window.begin is not None
    assert window.end is not None
    moment, whole = window.begin, []
    while moment < window.end:
        midnight = datetime.combine(moment.date() + timedelta(days=1), datetime.min.time())
        stop = min(midnight, window.end)
        start_minute = moment.hour * 60 + moment.minute
        stop_minute = DAY if stop == midnight else stop.hour * 60 + stop.minute
        if (start_minute, stop_minute) == (0, DAY):
            whole.append(moment)
        else:
            yield {**_times([(start_minute, stop_minute)]), **_date(moment, moment)}
        if whole and (stop == window.end or stop.month != moment.month or stop.date() == window.end.date()):
            yield _date(whole[0], whole[-1])
            whole = []
        moment = stop


def _date(first: datetime, last: datetime) -> dict[str, Any]:
    days = str(first.day) if first.day == last.day else f"{first.day}:{last.day}"
    return {"days_of_month": [days], "months": [MONTHS[first.month - 1]], "years": [str(first.year)]}


def _times(hours: list[tuple[int, int]]) -> dict[str, Any]:
    if not hours:
        return {}
    return {"times": [{"start_time": _clock(start), "end_time": _clock(stop)} for start, stop in hours]}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _ranges(days: list[int]) -> list[str]:
    """Runs of days; Alertmanager's week begins on Sunday, and no run may cross its end."""
    numbers = sorted({(day + 1) % 7 for day in days})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names = [WEEKDAYS[(number - 1) % 7] for number in range(7)]
    return [names[run[0]] if len(run) == 1 else f"{names[run[0]]}:{names[run[-1]]}" for run in runs]
