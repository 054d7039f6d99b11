# written by `python -m watchstack.compat ai DIR`; do not edit
"""A package."""
