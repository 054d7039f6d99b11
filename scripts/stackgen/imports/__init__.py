"""A dashboard saved from some Grafana, made one of this stack's own."""

from stackgen.imports.faults import ImportFault
from stackgen.imports.shelf import Shelf, Standing
from stackgen.imports.take import Imported, put, take

__all__ = ["ImportFault", "Imported", "Shelf", "Standing", "put", "take"]
