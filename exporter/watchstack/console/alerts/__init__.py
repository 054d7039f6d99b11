"""What fires now, what fired, what that adds up to, and what a person does about it: the data and the pages.

The pages of the inbox are here too; taking in and keeping what Alertmanager tells: `inbox/`.
"""

from watchstack.console.alerts.active import Active, Standing, gather
from watchstack.console.alerts.pages import blueprint

__all__ = ["Active", "Standing", "blueprint", "gather"]
