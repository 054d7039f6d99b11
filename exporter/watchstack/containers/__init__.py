"""The container collector: metrics of every container over the Docker Engine API, and a GET-only way to it for logs."""

from watchstack.containers.collector import ContainerCollector, Sampler
from watchstack.containers.settings import Settings

__all__ = ["ContainerCollector", "Sampler", "Settings"]
