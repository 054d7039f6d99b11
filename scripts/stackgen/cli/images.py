"""`./stack images`: builds stand-ins for images that cannot be pulled, or asks for the pinned digests."""

from __future__ import annotations

import sys

import click

from stackgen.cli import codes
from stackgen.cli.output import Output
from stackgen.cli.session import Session


@click.command()
@click.option("--verify", "verify_", is_flag=True, help="Ask the registries whether each pinned digest still answers.")
@click.pass_obj
def images(session: Session, verify_: bool) -> None:
    """Build stand-ins (watchstack-local/…) for the images that cannot be pulled here."""
    from stackgen import images as room

    output = Output()
    with session.alone("images", output):
        done = room.verify(session.root, output.say) if verify_ else room.build(session.root, output.say)
    sys.exit(codes.FINE if done else codes.TOOL)
