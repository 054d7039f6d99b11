"""What fires now, what fired, and what that adds up to: the data and the pages below /alerts."""

from watchstack.console.alerts.active import Active, Standing, gather
from watchstack.console.alerts.pages import blueprint

__all__ = ["Active", "Standing", "blueprint", "gather"]
