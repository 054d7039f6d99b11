"""Which trace a request belongs to: from its W3C `traceparent` header, or from OpenTelemetry where that runs.

Traces that nobody keeps (not sampled) are left out: an exemplar would lead to nothing. No metrics here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

# version-trace id-parent id-flags; a version after 00 may say more behind the flags
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
LONGEST = 512  # characters of a header that are looked at


def trace_of(header: str) -> str:
    """The trace id of a `traceparent` header, 32 hexadecimal digits; "" for none, a bad one, or one not sampled."""
    found = _PARENT.fullmatch(header.strip()) if len(header) <= LONGEST else None
    if found is None or (found[1] == "00" and found[4]) or not int(found[3], 16) & 1:
        return ""
    return found[2]


def span_reader() -> Callable[[], str] | None:
    """What tells the trace id of the span that is current when it is called; None where no spans are made.

    Spans are made once the application has imported OpenTelemetry and set a tracer provider. Nothing is imported here.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    current = trace.get_current_span

    def read() -> str:
        context = current().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid and context.trace_flags.sampled else ""

    return read
