"""What a view asks of its caller, where that is not the rule. The rule itself is applied by `guard`.

The rule: GET and HEAD need the role viewer, every other method needs admin. A view without a mark obeys it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "watchstack_need"


class Need(Enum):
    """RULE: as above. OPEN: nobody in particular. TOKEN: the view checks a token of its own. VIEWER: any account.

    ADMIN: the role admin, for reading too.
    """

    RULE = "rule"
    OPEN = "open"
    TOKEN = "token"
    VIEWER = "viewer"
    ADMIN = "admin"


def open(view: View) -> View:
    """Anybody may call it: health, metrics, the way in, files that hold nothing secret."""
    return _marked(view, Need.OPEN)


def inbox_token(view: View) -> View:
    """A webhook of Alertmanager, which shows the inbox's token; the view compares it."""
    return _marked(view, Need.TOKEN)


def viewer(view: View) -> View:
    """Any account may call it, whatever the method; the CSRF token is needed all the same."""
    return _marked(view, Need.VIEWER)


def admin(view: View) -> View:
    """Admins alone, also for GET; every call is noted in the audit log."""
    return _marked(view, Need.ADMIN)


def of(view: Callable[..., Any] | None) -> Need:
    """The mark of a view, RULE without one. functools.wraps carries a mark on."""
    need = getattr(view, _MARK, Need.RULE)
    assert isinstance(need, Need)
    return need


def _marked(view: View, need: Need) -> View:
    setattr(view, _MARK, need)
    return view
