"""Which pages the console has, in the order of its header. A page that this build has no route for is left out."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request


@dataclass(frozen=True)
class Place:
    """An entry of the header. beneath: other addresses whose pages belong to it. admin: for admins alone."""

    address: str
    words: str
    beneath: tuple[str, ...] = ()
    admin: bool = False

    def holds(self, path: str) -> bool:
        """Whether a page belongs here."""
        roots = [root.rstrip("/") for root in (self.address, *self.beneath)]
        return any((path.rstrip("/") == root) or (root and path.startswith(root + "/")) for root in roots)


FIRST = (
    Place("/", "Overview"),
    Place("/alerts", "Alerts"),
    Place("/inbox", "Inbox", ("/entries",)),
    Place("/dashboards/", "Dashboards"),
    Place("/logs", "Logs"),
)
MORE = (
    Place("/services", "Services"),
    Place("/targets", "Targets"),
    Place("/rules", "Rules"),
    Place("/resources", "Resources"),
    Place("/insights", "Insights"),
    Place("/silences", "Silences"),
    Place("/runbooks/", "Runbooks"),
    Place("/exports", "Exports", ("/report",)),
    Place("/audit", "Audit", admin=True),
)


def navigation() -> dict[str, object]:
    """What base.html needs: `places` of the first row, `places_more`, and `place`, where this page belongs, or None."""
    routes = {
        rule.rule.rstrip("/"): rule.rule for rule in current_app.url_map.iter_rules() if "GET" in (rule.methods or ())
    }
    first, more = ([place for place in places if place.address.rstrip("/") in routes] for places in (FIRST, MORE))
    here = next((place for place in (*first, *more) if place.holds(request.path)), None)
    return {"places": first, "places_more": more, "place": here}
