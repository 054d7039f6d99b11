"""Every alert, proven to come out: real series into a throw-away Prometheus, its notification out of Alertmanager."""

from stackgen.drill.outcome import Outcome, Result, State
from stackgen.drill.programs import Programs
from stackgen.drill.run import Drill

__all__ = ["Drill", "Outcome", "Programs", "Result", "State"]
