"""Drives an example through every one of its routes, errors too, and tells what came back.

    python examples/load.py flask                                  # 20 rounds
    python examples/load.py api --url http://localhost:15001 --rounds 200 --pause 0.1

What is asked stands in the example's load.json: the address by default, and one object a request with `method`, `path`,
the `status` that is due, and where there is one the `body` (JSON), `form` or `headers`. Cookies are kept for a round.
Ends after its rounds. 0: every answer had its status, 1: some had not, or nothing answers, 2: usage.
"""

from __future__ import annotations

import argparse
import http.client
import http.cookiejar
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXAMPLES = sorted(path.parent.name for path in HERE.glob("*/load.json"))


def drive(name: str, url: str | None = None, *, rounds: int = 20, pause: float = 0.0) -> Counter[tuple[str, str, str]]:
    """Method, path and outcome (`200`, or `200, not 503`) of each request, and how often. pause: seconds between two.

    Raises OSError where nothing answers, ValueError or InvalidURL for what is no address.
    """
    plan = json.loads((HERE / name / "load.json").read_text())
    found: Counter[tuple[str, str, str]] = Counter()
    for _ in range(rounds):
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        for one in plan["requests"]:
            status = _status(opener, _request((url or plan["url"]).rstrip("/"), one))
            due = one["status"]
            found[one["method"], one["path"], str(status) if status == due else f"{status}, not {due}"] += 1
            time.sleep(pause)
    return found


def _request(url: str, one: dict[str, Any]) -> urllib.request.Request:
    headers, body = dict(one.get("headers", {})), None
    if "body" in one:
        headers, body = {"Content-Type": "application/json", **headers}, json.dumps(one["body"]).encode()
    elif "form" in one:
        body = urllib.parse.urlencode(one["form"]).encode()
    return urllib.request.Request(url + one["path"], body, headers, method=one["method"])


def _status(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> int:
    try:
        with opener.open(request, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            error.read()
        return error.code


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Drives an example through every one of its routes.")
    parser.add_argument("example", choices=EXAMPLES)
    parser.add_argument("--url", help="its address; by default the one of its document")
    parser.add_argument("--rounds", type=int, default=20, help="how often every route is asked (20)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two requests (0)")
    chosen = parser.parse_args(arguments)
    try:
        found = drive(chosen.example, chosen.url, rounds=chosen.rounds, pause=chosen.pause)
    except OSError as error:
        print(f"nothing answers: {error}. Start the example, or give its address with --url", file=sys.stderr)
        return 1
    except (ValueError, http.client.InvalidURL) as error:
        print(f"{error}: an address is http://HOST:PORT", file=sys.stderr)
        return 2
    for (method, path, outcome), number in found.items():
        print(f"{number:6} {method:6} {path} -> {outcome}")
    return 1 if any(", not " in outcome for _, _, outcome in found) else 0


if __name__ == "__main__":
    sys.exit(main())
