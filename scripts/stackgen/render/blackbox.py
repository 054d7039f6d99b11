"""blackbox/blackbox.yml: how a probe of stack.yml is asked for. The job that asks is in `prometheus`."""

from __future__ import annotations

from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_yaml
from stackgen.render.prometheus import PROBE_MODULE

PATH = "blackbox/blackbox.yml"


def render(source: Source) -> dict[str, bytes]:
    """The file by its path. Address family: IPv4 first, as container networks have it."""
    module = {
        "prober": "http",
        "timeout": "5s",
        "http": {"preferred_ip_protocol": "ip4", "ip_protocol_fallback": True, "follow_redirects": True},
    }
    return {PATH: to_yaml({"modules": {PROBE_MODULE: module}}, header(PATH, STACK))}
