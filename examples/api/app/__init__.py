# written by `python -m watchstack.compat api DIR`; do not edit
"""A package."""
