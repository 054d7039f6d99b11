"""The watch over the pages of this tier: what it notes, and that only what a test expects is let pass, however late."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from standin import Reply, standing_in
from watched import Opened, soon

pytestmark = pytest.mark.browser
PAGE = b"""<title>a</title><script>
const refused = () => fetch("/refused"), broken = () => fetch("/broken");
const away = () => fetch("http://127.0.0.1:1/").catch(() => null);
const thrown = () => setTimeout(() => { throw new Error("thrown"); });
</script>"""


def answer(_: str, target: str) -> Reply:
    return {"/refused": 401, "/broken": 500}.get(target, 200), {"Content-Type": "text/html"}, PAGE


@pytest.mark.parametrize("what", ["refused()", "broken()", "thrown()", "away()", "alert(1)", "console.error(1)"])
def test_a_trouble_that_nobody_expects_fails(browser: Browser, what: str) -> None:
    opened = Opened(browser)
    with standing_in(answer) as home:
        page = opened(home.url)
        page.goto(home.url)
        page.evaluate(f"{{ {what} }}")
        soon(page, lambda: opened.troubles, "it is noted")
    with pytest.raises(AssertionError):
        opened.end()


def test_one_that_is_expected_may_come_late_and_excuses_no_other(browser: Browser) -> None:
    opened = Opened(browser)
    with standing_in(answer) as home:
        page = opened(home.url)
        page.goto(home.url)
        opened.expects(f"status of 401 .* {home.url}/refused")
        page.evaluate("{ setTimeout(() => { refused(); setTimeout(broken, 300); }, 300); }")
        soon(page, lambda: opened.troubles, "the other is noted")
    assert ("GET", "/refused") in home.asked
    assert [words for words in opened.troubles if f"{home.url}/broken" not in words] == []
    with pytest.raises(AssertionError, match="500"):
        opened.end()
