"""What the sources say, typed: the one thing that checks and renderers work on."""

from __future__ import annotations

from dataclasses import dataclass

from stackgen.model.rules import Group, Rule, RuleFile, RuleTest
from stackgen.model.stack import Override, Receiver, Service, Stack, Team, Watchdog

__all__ = [
    "Group",
    "Model",
    "Override",
    "Receiver",
    "Rule",
    "RuleFile",
    "RuleTest",
    "Service",
    "Stack",
    "Team",
    "Watchdog",
]


@dataclass(frozen=True)
class Model:
    """Everything a person wrote, read and typed.

    digest: sha256 hex over the source files' bytes, for `stack_config_info`.
    """

    stack: Stack
    rule_files: tuple[RuleFile, ...]
    digest: str
