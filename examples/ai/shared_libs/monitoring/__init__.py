# written by `python -m watchstack.compat ai DIR`; do not edit
"""The monitoring of this service."""

from watchstack.api import default_preset

default_preset("ai")
