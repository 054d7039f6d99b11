# written by `python -m watchstack.compat framework DIR`; do not edit
"""A package."""
