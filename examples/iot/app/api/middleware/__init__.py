# written by `python -m watchstack.compat iot DIR`; do not edit
"""A package."""
