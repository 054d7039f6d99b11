"""Exit codes of every command."""

from __future__ import annotations

FINE = 0
FINDINGS = 1
USAGE = 2
OUT_OF_DATE = 3
TOOL = 4  # a tool is missing or failed
INTERRUPTED = 130
