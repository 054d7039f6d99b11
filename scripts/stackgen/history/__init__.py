"""Versions that were applied, kept in `.stack/history`, and the journal of an apply that is under way."""

from stackgen.history.attempt import Attempt, left
from stackgen.history.sources import put_sources, sources
from stackgen.history.store import APPLIED, SET_ASIDE, Digests, Entry, History, digests

__all__ = [
    "APPLIED",
    "SET_ASIDE",
    "Attempt",
    "Digests",
    "Entry",
    "History",
    "digests",
    "left",
    "put_sources",
    "sources",
]
