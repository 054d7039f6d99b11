"""docs/security.md says what is there: tests that exist, every secret that is made, the ports of the parts."""

from __future__ import annotations

import re

from stackgen.parts.table import PARTS
from support import ROOT
from watchstack import init

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_tests_that_hold_it_exist() -> None:
    named = set(re.findall(r"`(tests/[\w./*]+)`", section("What is protected against what")))
    assert len(named) > 8
    assert [path for path in sorted(named) if not list(ROOT.glob(path))] == []


def test_every_secret_that_is_made_can_be_changed() -> None:  # M-21
    told = section("Changing a secret")
    assert [name for name in init.OURS if f"`{name}`" not in told] == []


def test_the_proxy_leads_to_the_ports_of_the_parts() -> None:  # M-04, M-12, M-19
    told = section("TLS and passwords in front")
    assert set(re.findall(r"proxy_pass http://127\.0\.0\.1:(\d+);", told)) == {
        str(PARTS[name].port) for name in ("console", "prometheus")
    }
    assert told.count("listen 443 ssl;") == told.count("ssl_certificate_key") == 2
