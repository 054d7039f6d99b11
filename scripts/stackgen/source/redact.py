"""Secrets that somebody wrote into a source by mistake must not be repeated on a terminal or in a CI log."""

from __future__ import annotations

import re

_SECRET = "password|passwd|token|secret|api_?key|routing_key|service_key|webhook_url|api_url|credentials"
_VALUE = r"""('[^']*'?|"[^"]*"?|[^\s"',{}\[\]]+)"""
_KEYED = re.compile(rf"""(?i)(\b[a-z_]*(?:{_SECRET})["']?\s*:\s+){_VALUE}""")
_FILE = re.compile(rf"""(?i)(\b[a-z_]+_file["']?\s*:\s+){_VALUE}""")
_URL_USER = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)([^\s/@\"']+)(?=@)")
_HOOK = re.compile(
    r"(?i)(hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/|api\.telegram\.org/bot)"
    r"([^\s\"',}\]]+)"
)
_QUERY = re.compile(r"(?i)([?&](?:token|key|api_?key|secret|sig|signature|password|access_token)=)([^\s\"'&,}\]]+)")
_NAME = re.compile(r"(?:secrets/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOKEN = re.compile(r"xox[a-z]-|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{24,}")


def looks_secret(name: str) -> bool:
    """True for a file name that looks like the secret itself: a long run of letters and digits."""
    return bool(_TOKEN.search(name))


def line(text: str) -> str:
    """The line with every secret's characters replaced one by one, so that carets still stand where they should."""
    for pattern in (_KEYED, _URL_USER, _HOOK, _QUERY):
        text = pattern.sub(lambda match: match[1] + _stars(match[2]), text)
    return _FILE.sub(lambda match: match[0] if _harmless(match[2]) else match[1] + _stars(match[2]), text)


def _harmless(value: str) -> bool:
    bare = value.strip("'\"")
    return bool(_NAME.fullmatch(bare)) and not looks_secret(bare)


def _stars(value: str) -> str:
    """Stars for all but the quotes."""
    quote = value[0] if value[0] in "'\"" else ""
    end = quote if quote and len(value) > 1 and value.endswith(quote) else ""
    return quote + "*" * (len(value) - len(quote) - len(end)) + end
