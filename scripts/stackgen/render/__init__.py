"""From the model and a placement to every generated file, in memory."""

from stackgen.render.tree import config_digest, render

__all__ = ["config_digest", "render"]
