# written by `python -m watchstack.compat flask DIR`; do not edit
"""A package."""
