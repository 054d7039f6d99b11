"""PromQL as text: how a string is written, and the one door to the parser. What a tree means is known to who asks.

The parser is `promql-parser`, a binding of a parser that keeps close to Prometheus's own. What it does not understand
is no error yet: promtool judges.
"""

from __future__ import annotations

import re
from typing import Any

import promql_parser

MOST_DEEP = 60  # brackets inside one another, beyond which the parser is not asked: it works recursively
STRING = r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'|`[^`]*`"
HIDDEN = re.compile(rf"{STRING}|#[^\n]*", re.DOTALL)  # strings and comments


def quoted(text: str) -> str:
    """A string in double quotes, as PromQL, label matchers of Alertmanager and the text format read it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def syntax(expr: str) -> Any:
    """The parser's own tree. Raises ValueError with what the parser says, with nothing for a fault of its own."""
    try:
        return promql_parser.parse(HIDDEN.sub(_plainly, expr))
    except ValueError:
        raise
    except BaseException as error:  # a fault of the parser itself comes as a class of its own, outside of Exception
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError from error


def depth(expr: str) -> int:
    """Brackets inside one another at most; those in strings count too."""
    now = deepest = 0
    for sign in expr:
        now += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, now)
    return deepest


def _plainly(match: re.Match[str]) -> str:
    """A string between backticks in double quotes: the parser would take its backslashes for escapes."""
    return quoted(match[0][1:-1]) if match[0].startswith("`") else match[0]
