"""How numbers, durations, lists and differences of texts are spelt in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

NAMED = 3  # subjects that a folded sentence names
CUT = 100  # characters of an expression that stand in a sentence
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z0-9_:.]+|\s+|[^\w\s]')
ABSENT = ("", "0", "0s", "0m", "None")


def duration(text: object) -> str:
    """`5m` as `5 m`, `1m30s` as `1 m 30 s`; what is no duration stays as it is."""
    found = DURATION.findall(str(text))
    if not found or "".join(number + unit for number, unit in found) != str(text):
        return str(text)
    return " ".join(f"{number} {unit}" for number, unit in found)


def seconds(text: object) -> float:
    """A Prometheus duration in seconds, 0 for what is none."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
    return float(sum(float(number) * units[unit] for number, unit in DURATION.findall(str(text))))


def listed(names: Iterable[str], most: int = 10) -> str:
    """`a`, `a and b`, `a, b and 7 more`."""
    every = list(names)
    shown = every if len(every) <= most else every[:most]
    rest = len(every) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def instead(new: object, old: object) -> str:
    """`b instead of a`."""
    return f"{new} instead of {old}"


def cut(text: str) -> str:
    """A text that may be long, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= CUT else f"{line[: CUT - 1]}…"


def parted(old: str, new: str) -> tuple[str, str]:
    """Two texts without the words they begin and end with alike, `…` standing for those."""
    before, after = TOKEN.findall(old), TOKEN.findall(new)
    head = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))))
    room = min(len(before), len(after)) - head
    tail = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before[::-1], after[::-1], strict=False))))
    tail = min(tail, room)
    head = _context(before, head)
    return _middle(before, head, tail), _middle(after, head, tail)


def _context(words: Sequence[str], head: int) -> int:
    """Begins where a reader knows the place: two words earlier."""
    return max(0, head - 2) if head > 4 else 0


def _middle(words: Sequence[str], head: int, tail: int) -> str:
    end = len(words) - tail
    end = end + 2 if tail > 4 else len(words)
    text = cut("".join(words[head:end]).strip())
    return f"{'… ' if head else ''}{text}{' …' if end < len(words) else ''}"


def folded(told: Iterable[tuple[str, str]], noun: str) -> list[str]:
    """Sentences of subject and predicate; a predicate that many subjects share is told once for all of them.

    An empty subject makes the predicate a whole sentence.
    """
    subjects: dict[str, list[str]] = {}
    for subject, predicate in told:
        subjects.setdefault(predicate, []).append(subject)
    found = []
    for predicate, names in subjects.items():
        if len(names) <= NAMED:
            found += [f"{name} {predicate}".strip() for name in names]
        else:
            plural, singular = _plural(noun), _plural(noun).removesuffix("s")
            short = [name.removeprefix(f"{singular} ") for name in names]
            found.append(f"{len(names)} {plural} ({listed(short, NAMED)}): each {predicate}")
    return found


def _plural(noun: str) -> str:
    return {"scraping": "jobs"}.get(noun, f"{noun}s")


def labelled(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """How two sets of labels differ."""
    found = []
    for name in sorted({*old, *new}):
        if name not in old:
            found.append(f'gets the label {name}="{new[name]}"')
        elif name not in new:
            found.append(f'loses the label {name}="{old[name]}"')
        elif old[name] != new[name]:
            found.append(f'has the label {name}="{new[name]}" instead of "{old[name]}"')
    return found
