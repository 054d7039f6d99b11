"""From one entry of `receivers` to `Receiver`. Secrets are taken by file name only, and never repeated in a message."""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Mapping as AbstractMapping
from typing import Any

from stackgen.model import problems, values
from stackgen.model.keys import STACK_KEYS
from stackgen.model.receivers import FORMATS, MAIL, OPTIONS
from stackgen.model.section import Section
from stackgen.model.stack import RECEIVER_KINDS, Receiver
from stackgen.model.values import Sink
from stackgen.source.nodes import Entry, Mapping, Node, Scalar
from stackgen.source.redact import looks_secret

_SOUNDS_SECRET = re.compile(r"password|token|secret|api_?key|routing_key|service_key|webhook_url|api_url")
_EXAMPLES = {
    "addresses": "[someone@example.com]",
    "sender": "watchstack@example.com",
    "address": "mail.example.com:587",
    "integer": "-1001234567",
    "url": "http://host:port/path",
}
_CARRIES_SECRET = re.compile(
    r"//hooks\.slack\.com/|//(ptb\.|canary\.)?discord(app)?\.com/api/webhooks/|webhook\.office\.com/|//api\.telegram\.org/bot|"
    r"[?&](token|key|api_?key|secret|sig|signature|password|access_token)=",
    re.IGNORECASE,
)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAIL = re.compile(r"[^\s@,<>]+@[^\s@,<>]+")
_SENDER = re.compile(r"[^\s@,<>]+@[^\s@,<>]+|[^<>,]+ <[^\s@,<>]+@[^\s@,<>]+>")


def read_mail(part: Section | None) -> dict[str, Any]:
    """What all mail receivers share."""
    read = {key: part.take(key, _CONVERTERS[OPTIONS["email"][key].type]) for key in MAIL} if part else {}
    return {key: value for key, value in read.items() if value is not None}


def read_receiver(name: str, entry: Entry, mail: AbstractMapping[str, Any], tell: Sink) -> Receiver:
    """One receiver; a name that stands in the file is known, whatever is wrong with the rest. mail: see read_mail."""
    values.valid_name(entry.key, "a receiver", name, tell)
    owner = f"receiver '{name}'"
    part = Section(entry.value, owner, RECEIVER_KINDS, tell)
    kinds = [kind for kind in part.entries if kind in RECEIVER_KINDS]
    if len(kinds) > 1:
        tell(problems.receiver_kind(part.entries[kinds[1]].key.where, name, " and ".join(kinds)))
    elif not part.entries and (isinstance(entry.value, Mapping) or _empty(entry)):
        hint = f"write one of {', '.join(RECEIVER_KINDS)} below it"
        tell(problems.missing_key(entry.key.where, owner, "a kind", hint))
    if not kinds:
        return Receiver(name, entry.key.where, "webhook", {})
    kind = kinds[0]
    shared = mail if kind == "email" else {}
    options = _options(name, kind, part.entries[kind], shared, tell)
    return Receiver(name, entry.key.where, kind, {**shared, **options})


def _options(name: str, kind: str, entry: Entry, shared: Container[str], tell: Sink) -> dict[str, Any]:
    owner = f"{kind} of receiver '{name}'"
    table = OPTIONS[kind]
    written = entry.value.entries if isinstance(entry.value, Mapping) else {}
    secrets = {key: _file_key(kind, key) for key in written if key not in table and _secret(kind, key)}
    for key, file_key in secrets.items():
        hint = f"put it into secrets/{name} and write {file_key}: {name}"
        tell(problems.secret_in_source(written[key].value.where, f"'{key}'", hint))
    part = Section(entry.value, owner, STACK_KEYS[f"receivers.*.{kind}"], tell, ours=secrets)
    read = {key: part.take(key, _CONVERTERS[option.type]) for key, option in table.items()}
    if isinstance(entry.value, Mapping) or _empty(entry):
        for key, option in table.items():
            given = {key, option.instead} & {*written, *secrets.values()}
            if option.needed and not given and key not in shared:
                either = f" or {option.instead}: {name}" if option.instead else ""
                hint = f"write {key}: {_EXAMPLES.get(option.type, name)}{either}"
                tell(problems.missing_key(entry.key.where, owner, key, hint))
    return {key: value for key, value in read.items() if value is not None}


def _empty(entry: Entry) -> bool:
    """True for `slack:` with nothing behind it."""
    return isinstance(entry.value, Scalar) and entry.value.empty


def _secret(kind: str, key: str) -> bool:
    """True for a key that would hold a secret: the twin of a `_file` option, or one that sounds like it."""
    return f"{key}_file" in OPTIONS[kind] or (bool(_SOUNDS_SECRET.search(key)) and not key.endswith("_file"))


def _file_key(kind: str, key: str) -> str:
    """The option that takes the secret by file."""
    own = f"{key}_file"
    if own in OPTIONS[kind]:
        return own
    return next(key for key, option in OPTIONS[kind].items() if option.type == "secret")


def secret_file(node: Node, what: str, tell: Sink) -> str | None:
    """The bare name of a file in secrets/. What was written is not repeated: it may be the secret itself."""
    value = values.text(node, what, tell)
    if value is None:
        return None
    if re.match(r"[a-z]+://", value) or len(value) > 100 or looks_secret(value):
        tell(
            problems.secret_in_source(
                node.where,
                f"what stands behind '{what}'",
                f"put it into a file in secrets/ and name the file: {what}: my-secret",
            )
        )
    elif value.startswith("secrets/") and _FILE.fullmatch(value.removeprefix("secrets/")):
        tell(problems.secret_file_name(node.where, what, f"write {what}: {value.removeprefix('secrets/')}"))
    elif not _FILE.fullmatch(value):
        tell(problems.secret_file_name(node.where, what, "letters, digits, '-', '_' and '.' only"))
    else:
        return value
    return None


def _url(node: Node, what: str, tell: Sink) -> str | None:
    """A URL that holds no secret."""
    if isinstance(node, Scalar) and _CARRIES_SECRET.search(node.text):
        hint = f"put the URL into a file in secrets/ and write {what}_file: my-hook"
        tell(problems.secret_in_source(node.where, f"this '{what}'", hint))
        return None
    return values.url(node, what, tell)


def _sender(node: Node, what: str, tell: Sink) -> str | None:
    value = values.text(node, what, tell)
    if value is not None and not _SENDER.fullmatch(value):
        hint = "write someone@example.com or Some One <someone@example.com>"
        tell(problems.invalid_address(node.where, what, value, "is no mail address", hint))
        return None
    return value


def _mail(node: Node, what: str, tell: Sink) -> str | None:
    value = values.text(node, what, tell)
    if value is not None and not _MAIL.fullmatch(value):
        tell(problems.invalid_address(node.where, what, value, "is no mail address", "write someone@example.com"))
        return None
    return value


_CONVERTERS: dict[str, values.Converter[Any]] = {
    "text": values.text,
    "sender": _sender,
    "secret": secret_file,
    "url": _url,
    "address": values.address,
    "addresses": values.several(_mail, "a list of mail addresses"),
    "boolean": values.boolean,
    "integer": values.integer,
    "format": values.choice(FORMATS),
}
