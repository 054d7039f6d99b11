"""The database of all services."""
