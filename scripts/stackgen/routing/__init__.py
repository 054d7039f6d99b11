"""Where an alert goes, worked out from the generated alertmanager.yml as Alertmanager would."""

from stackgen.routing.intervals import open_windows
from stackgen.routing.walk import Hit, inhibited_by, inhibits, walk

__all__ = ["Hit", "inhibited_by", "inhibits", "open_windows", "walk"]
