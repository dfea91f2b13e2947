"""The option that names endpoints of chains that a publisher left."""

from __future__ import annotations

from collections.abc import Mapping

import click

from anchor.errors import InvalidInput

earlier_rpc_option = click.option(
    "--earlier-rpc",
    "earlier_rpcs",
    multiple=True,
    metavar="N=URL",
    help="An endpoint of the chain of anchorage N, which was left; not needed on the present chain. Repeatable.",
)


def read_earlier_rpcs(given: tuple[str, ...]) -> Mapping[int, str]:
    """Return endpoints by the number of their anchorage; InvalidInput for anything but N=URL."""
    found: dict[int, str] = {}
    for text in given:
        number, equals, url = text.partition("=")
        if not (equals and url and number.isascii() and number.isdigit()):
            # The text may hold a key.
            raise InvalidInput("--earlier-rpc takes N=URL, N being the number of an anchorage that was left")
        found[int(number)] = url
    return found
