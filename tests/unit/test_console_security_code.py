"""What can be seen in the source: secrets are compared in constant time, nothing that came from outside is run or
unpacked, templates escape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT

LIBRARY = ROOT / "exporter" / "watchstack"
SECRET = re.compile(r"password|passwd|token|secret|csrf|proof|digest|bearer|api_?key|credential", re.IGNORECASE)
# Comparisons whose words are about a secret and whose values are none; each with the reason
HARMLESS = {
    "need is a kind of access": r"Need\.TOKEN",
    "a name of a file": r"(file|name|path)\b.*\bTOKEN_FILE",
}


def names(node: ast.expr) -> Iterator[str]:
    """Names of variables, attributes and functions in an expression, and keys that it asks for."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
            yield str(part.slice.value)


def plain(node: ast.expr) -> bool:
    """Whether it is a constant of the source, which is no secret: "", None, a number, a list of them."""
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.Tuple | ast.List | ast.Set) and all(map(plain, node.elts))
    )


def leaky(source: str) -> list[str]:
    """Comparisons of secrets that take longer the more of the secret fits."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            continue
        sides = [node.left, *node.comparators]
        if any(map(plain, sides)) or not any(SECRET.search(name) for side in sides for name in names(side)):
            continue
        text = ast.unparse(node)
        if not any(re.search(pattern, text) for pattern in HARMLESS.values()):
            found.append(text)
    return found


def test_secrets_are_compared_in_constant_time() -> None:
    found = {str(path.relative_to(LIBRARY)): leaky(path.read_text()) for path in LIBRARY.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
    using = {path.name for path in LIBRARY.rglob("*.py") if "hmac.compare_digest(" in path.read_text()}
    assert {"token.py", "sessions.py", "guard.py"} <= using  # passwords and tokens, session ids, CSRF


@pytest.mark.parametrize(
    "line",
    ["given == token", "self._password != shown", "request.headers['token'] == x", "token in known", "csrf_of(a) == b"],
)
def test_a_leaky_comparison_is_seen(line: str) -> None:
    assert leaky(f"if {line}: pass") == [line]


@pytest.mark.parametrize("line", ["token == ''", "password is None", "hmac.compare_digest(token, given)", "a == b"])
def test_a_harmless_one_is_not(line: str) -> None:
    assert leaky(f"if {line}: pass") == []


FORBIDDEN = re.compile(
    r"(?<![\w.])(?:eval|exec|compile|__import__)\(|\bos\.(?:system|popen)\(|shell=True|\bpickle\b|\bmarshal\b|yaml\.load\("
    r"|verify=False|_create_unverified_context|CERT_NONE|\bxml\.|zlib\.decompress|gzip\.decompress|render_template_string"
)


def test_nothing_that_came_from_outside_is_run_or_unpacked() -> None:
    found = {
        str(path.relative_to(LIBRARY)): FORBIDDEN.findall(path.read_text())
        for path in LIBRARY.rglob("*.py")
        if FORBIDDEN.search(path.read_text())
    }
    assert found == {}


def test_templates_mark_nothing_as_safe() -> None:
    """Markup that is not escaped is made in few places of the code, from text that was escaped there."""
    for path in LIBRARY.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape\s+false|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", text), (
            path.name
        )
    making = {str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py") if "Markup(" in path.read_text()}
    assert making <= {
        "console/runbooks.py",
        "console/access/guard.py",
        "console/dashboards/pages.py",
        "console/knowledge/common.py",
    }


def test_scripts_of_pages_make_no_markup_of_text() -> None:
    for path in [*LIBRARY.rglob("static/*.js"), *(LIBRARY / "admin").rglob("*.js")]:
        words = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", path.read_text()
        )
        assert words == [], path.name


def test_sources_are_found() -> None:
    assert len(list(LIBRARY.rglob("*.py"))) > 100
    assert (Path(LIBRARY) / "console" / "templates" / "base.html").is_file()
