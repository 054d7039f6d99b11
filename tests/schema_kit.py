"""schemathesis over an OpenAPI description: what it asks, and what no answer may be. Deterministic and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok

load_all_checks()
SEED = 20261121
# What an answer says by its status is in the description; a 5xx that stands there is no fault of the server
EXCLUDED = [not_a_server_error]
# Fields that a description does not have, as nobody should send them
ODD_QUERIES = st.dictionaries(
    st.sampled_from(
        ["format", "types", "limit", "before", "status", "from", "to", "q", "query", "start", "end", "\x00"]
    ),
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=40),
        st.sampled_from(["-1", "0", "NaN", "1e999", "9" * 40, "%", "\x00", "../..", "'\""]),
    ),
    max_size=4,
)


def bounded(examples: int) -> Callable[[Any], Any]:
    """The settings of a run: the same examples each time, nothing kept on disk, no shrinking, no time limits."""
    chosen = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    return lambda test: seed(SEED)(chosen(test))


def operations(schema: Any) -> Iterator[Any]:
    """Each operation of the description; one that cannot be read fails."""
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


@dataclass
class Examination:
    """Every operation of a description asked with valid and with invalid requests.

    sent: headers and cookies of every request, by the names of `Case.call`. examples: requests of each kind for each
    operation. known: values of path parameters that exist, by name, so that not all requests end in 404.
    asked: afterwards, how many requests each operation got.
    """

    sent: dict[str, Any]
    examples: int = 20
    known: dict[str, list[str]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    excluded: tuple[Any, ...] = ()  # further checks of schemathesis that do not fit

    def run(self, schema: Any, only: Callable[[Any], bool] = lambda _: True) -> dict[str, int]:
        """Fails on a 500 and on any answer that breaks the description. only: the operations that are asked."""
        for operation in filter(only, operations(schema)):
            for mode in GenerationMode:
                if mode is GenerationMode.POSITIVE or _can_be_wrong(operation):
                    self._ask(operation, mode)
        return self.asked

    def _ask(self, operation: Any, mode: GenerationMode) -> None:
        names = [parameter.name for parameter in operation.path_parameters if parameter.name in self.known]
        replaced = st.fixed_dictionaries({name: st.sampled_from(self.known[name]) for name in names})
        queries = ODD_QUERIES if mode is GenerationMode.NEGATIVE else st.just({})

        @bounded(self.examples)
        @given(case=operation.as_strategy(generation_mode=mode), values=replaced, use=st.booleans(), odd=queries)
        def each(case: Any, values: dict[str, str], use: bool, odd: dict[str, str]) -> None:
            if use and values:
                case.path_parameters = {**(case.path_parameters or {}), **values}
            if odd:
                case.query = {**odd, **(case.query or {})}
            self.asked[operation.label] = self.asked.get(operation.label, 0) + 1
            case.call_and_validate(
                **self.sent, excluded_checks=[*EXCLUDED, *self.excluded], additional_checks=[never_500]
            )

        each()


def _can_be_wrong(operation: Any) -> bool:
    """Whether a request can break its description: a parameter takes not just any text, or there is a body."""
    schemas = (parameter.definition.get("schema", {}) for parameter in operation.query)
    return bool(operation.body) or any(set(schema) - {"type", "maxLength", "minLength"} for schema in schemas)


def never_500(ctx: Any, response: Any, case: Any) -> bool | None:
    """A check of schemathesis: 500 means that something was not thought of."""
    assert response.status_code != 500, case.as_curl_command()
    return None


def wsgi_schema(path: str, app: Any) -> Any:
    """The description that a WSGI application serves."""
    return schemathesis.openapi.from_wsgi(path, app)


def asgi_schema(path: str, app: Any) -> Any:
    """The description that an ASGI application serves."""
    return schemathesis.openapi.from_asgi(path, app)
