"""A PostgreSQL for the examples alone, thrown away when it ends: postgres.py FOLDER_OF_PROGRAMS PORT.

It trusts whoever reaches it on loopback, as user `watch`. The schema of the IoT platform and the stand-in for
TimescaleDB are put into it. As root it runs as the user `postgres`, for PostgreSQL does not run as root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

READY = 60.0  # seconds for the server to answer
SQL = (Path(__file__).resolve().parent / "iot" / "db").glob("*.sql")


def main(programs: Path, port: str) -> int:
    """Runs it until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = Path(tempfile.mkdtemp(prefix="watchstack-examples-"))
    server = None
    try:
        how: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            how |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        data = str(folder / "data")
        make = [str(programs / "initdb"), "-D", data, "-U", "watch", "-A", "trust", "-N"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **how)
        options = ["-p", port, "-h", "127.0.0.1", "-k", str(folder), "-F"]
        server = subprocess.Popen([str(programs / "postgres"), "-D", data, *options], **how)
        _fill(programs, folder, port, how)
        return server.wait()
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait()
        shutil.rmtree(folder)


def _fill(programs: Path, folder: Path, port: str, how: dict[str, Any]) -> None:
    """The IoT platform's tables and the stand-in, as soon as the server answers."""
    where = ["-h", "127.0.0.1", "-p", port, "-U", "watch"]
    ask = [str(programs / "psql"), *where, "-v", "ON_ERROR_STOP=1", "-q", "postgres"]
    text = "".join(path.read_text() for path in sorted(SQL))
    limit = time.monotonic() + READY
    while time.monotonic() < limit:
        ready = subprocess.run([*ask, "-c", "SELECT 1"], capture_output=True, check=False, **how)
        if ready.returncode == 0:
            break
        time.sleep(0.1)
    subprocess.run(ask, input=text, text=True, check=True, **how)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
