"""The group of commands and its door: options of all commands, how an error becomes a message and an exit code.

Commands are imported when they are called, so that `status` does not wait for what `render` needs.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from stackgen import report
from stackgen.cli import codes
from stackgen.cli.lock import WAIT
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.diagnostic import SourceError
from stackgen.engines.base import EngineError
from stackgen.journal import WriteError
from stackgen.parts.errors import PartError

# command: module below stackgen.cli, in the order of the help
COMMANDS = {
    "up": "up",
    "down": "down",
    "destroy": "down",
    "status": "look",
    "logs": "look",
    "check": "sources",
    "route": "route",
    "notify-test": "notify_test",
    "render": "sources",
    "diff": "sources",
    "apply": "apply",
    "drill": "drill",
    "dashboard": "dashboard",
    "images": "images",
    "test": "test",
}


class Commands(click.Group):
    """Finds a command in its module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(f"stackgen.cli.{module}"), cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from stackgen.model.problems import nearest

            raise click.UsageError(f"there is no command '{args[0]}'; {nearest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--lock-wait",
    type=click.FloatRange(0),
    default=WAIT,
    show_default=True,
    help="Seconds to wait for another command.",
)
@click.pass_context
def main(context: click.Context, debug: bool, lock_wait: float) -> None:
    """Starts the whole observability stack and keeps it equal to stack.yml and rules/."""
    context.obj = Session(_root(), debug=debug, lock_wait=lock_wait)


def _root() -> Path:
    """The checkout: $STACK_ROOT of the launcher, else the nearest folder above with a stack.yml."""
    if root := os.environ.get("STACK_ROOT"):
        return Path(root).resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "stack.yml").exists():
            return folder
    raise click.UsageError("no stack.yml here or in a folder above; run ./stack of a checkout")


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and exits: one clear message for what can be foreseen, a traceback with --debug."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    # what is ignored stays so: under nohup the end of the terminal is not meant
    for number in (one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN):
        signal.signal(number, _terminated)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what this terminal cannot show becomes `?`
    output = Output(json_="--json" in given)
    try:
        main.main(args=given, prog_name="./stack", standalone_mode=False)
        sys.exit(codes.FINE)
    except SourceError as error:
        output.errors.print(report.text(error.diagnostics, _root()), end="", markup=False)
        output.errors.print(report.summary(error.diagnostics), markup=False)
        sys.exit(codes.FINDINGS)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(codes.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        output.errors.print("interrupted")
        sys.exit(codes.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(codes.FINE)
    except (EngineError, WriteError, PartError) as error:
        if debug:
            raise
        output.error(str(error), getattr(error, "hint", ""))
        sys.exit(codes.TOOL)
    except Exception as error:
        if debug:
            raise
        output.error(
            f"{type(error).__name__}: {error}", "this is a fault of ./stack itself: --debug shows where it happened"
        )
        sys.exit(codes.TOOL)
