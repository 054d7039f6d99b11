"""What Alertmanager tells, taken in and kept: the webhook and its payload, the entries, the ends nobody told.

Pages over the entries live in `alerts/`; who is told when notices stay away, in `notify/`.
"""
