"""`python -m watchstack.exporter`: the exporter service as a process. Listens on EXPORTER_LISTEN, host:port."""

from __future__ import annotations

import os
import sys

from prometheus_client import CollectorRegistry

from watchstack.exporter.app import build
from watchstack.host import HostSampler
from watchstack.serve import Address, log_to, serve
from watchstack.settings import SettingError


def main() -> int:
    log_to()
    try:
        address = Address.parse(os.environ.get("EXPORTER_LISTEN", "127.0.0.1:9101"), "EXPORTER_LISTEN")
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    sampler = HostSampler()
    sampler.start()
    return serve(build(sampler, CollectorRegistry()), address, name="exporter", on_stop=sampler.stop)


if __name__ == "__main__":
    sys.exit(main())
