"""Shapes of log lines: what is left of a line when times, ids, addresses, quoted texts and numbers are replaced.

The work is Loki's, at the moment of the question: about 60 µs for each line on one core. So each panel looks at one
bounded stretch of time before the end of what is shown, and all but the first at notable lines alone.
"""

from __future__ import annotations

from stackgen.render.dashboards.panels import EMPTY_IS_FINE, LOKI, PanelBuilder, lines, listing

EVERY = '{environment=~".+"}'
WRONG = '{level=~"error|critical"}'
NOTABLE = '{level=~"warning|error|critical"}'
MOST = 20  # shapes in a table
LONGEST = 240  # characters of a shape
BY = "sum by (level, compose_service, shape)"

# In this order, each as an expression of Go's (RE2) in a template's quotes, and what stands in its place. Without
# any `$`: to Grafana it begins a variable.
REPLACED = (
    (
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?",
        "<time>",
    ),
    (
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\\b[0-9a-fA-F]{8,}\\b",
        "<id>",
    ),
    (r"\\b[0-9]{1,3}([.][0-9]{1,3}){3}(:[0-9]+)?", "<address>"),
    (
        r"\"?\\b(msg|message|event|err|error)\"?[=:] *\"",
        "",
    ),  # what is quoted behind these tells what happened: it stays
    (r"\"[^\"]*\"(,? |[]},]|\\z)", "<text> "),  # values, not the names before a colon
    (r"'[^' ]*'", "<text>"),
    (r"\"", ""),
    ("[0-9]+([.][0-9]+)?", "<n>"),
)


def shape(of: str) -> str:
    """LogQL: the chosen lines with a label `shape`."""
    text = "__line__"
    for expression, word in REPLACED:
        text = f'(regexReplaceAll "{expression}" {text} "{word}")'
    return f"{of} | label_format shape=`{{{{ trunc {LONGEST} {text} }}}}`"


def counted(of: str, window: str, shift: str = "") -> str:
    """LogQL: how many lines of each shape the window before the moment holds."""
    return f"{BY} (count_over_time({shape(of)} [{window}]{shift}))"


def frequent() -> PanelBuilder:
    return _table(
        "Most frequent shapes",
        f"The {MOST} most frequent shapes of lines within the last 5 minutes of the time shown: numbers, ids, "
        "addresses and quoted texts are left out. What fills the disk is at the top: write it less often or at "
        f"a lower level. {EMPTY_IS_FINE} nothing was written.",
        f"topk({MOST}, {counted(EVERY, '5m')})",
    )


def new() -> PanelBuilder:
    return _table(
        "New shapes",
        f"Up to {MOST} shapes of lines of level warning or worse within the last 15 minutes of the time shown that the "
        "hour before them did not have: after a deployment or at the start of an incident, look here first. "
        f"{EMPTY_IS_FINE} nothing new went wrong.",
        f"topk({MOST}, {counted(NOTABLE, '15m')} unless {counted(NOTABLE, '1h', ' offset 15m')})",
    )


def errors() -> PanelBuilder:
    return _table(
        "Errors by shape",
        f"The {MOST} most frequent shapes of lines of level error or critical within the last hour of the time shown. "
        f"{EMPTY_IS_FINE} nothing is wrong then.",
        f"topk({MOST}, {counted(WRONG, '1h')})",
    )


def _table(title: str, description: str, expr: str) -> PanelBuilder:
    columns = {"Value #A": "lines", "Value": "lines", "level": "level", "compose_service": "service", "shape": "shape"}
    panel = listing(columns).title(title).description(description).datasource(LOKI)
    return panel.with_target(lines(f"sort_desc({expr})", instant=True))
