"""The options that every command over HTTP has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import click

from anchor.client import ServiceClient
from anchor.core.digest import Method
from anchor.errors import InvalidInput

DEFAULT_SERVICE = "http://127.0.0.1:8080"
MIN_SECRET_BYTES = 16
MAX_SECRET_BYTES = 4096

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Which service to call, with which key, and whether a program reads the output."""

    url: str
    api_key: str | None = field(repr=False)
    as_json: bool

    def client(self) -> ServiceClient:
        """Return a client of the service, to be entered."""
        return ServiceClient(self.url, self.api_key)


def service_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add --service, --api-key and --json to a command, which receives them as `options`."""

    @click.option(
        "--service",
        envvar="ANCHOR_SERVICE",
        default=DEFAULT_SERVICE,
        show_default=True,
        show_envvar=True,
        metavar="URL",
        help="The service's address.",
    )
    @click.option(
        "--api-key",
        envvar="ANCHOR_API_KEY",
        show_envvar=True,
        metavar="KEY",
        help="The API key. Prefer the environment: other users can see a command line.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @functools.wraps(function)
    def command(*args: object, service: str, api_key: str | None, as_json: bool, **kwargs: object) -> R:
        # A key read from a file brings its line end along.
        key = api_key.strip() if api_key else None
        options = ServiceOptions(url=service, api_key=key or None, as_json=as_json)
        return cast("Callable[..., R]", function)(*args, options=options, **kwargs)

    return command


method_option = click.option(
    "--method",
    type=click.Choice([method.label for method in Method]),
    callback=lambda _ctx, _param, label: None if label is None else Method.from_label(label),
    help="How the digest is taken; found by itself unless named.",
)

salt_option = click.option(
    "--salt",
    "salt_secret",
    type=click.Path(path_type=Path),
    callback=lambda _ctx, _param, path: None if path is None else read_secret(path),
    metavar="SECRET-FILE",
    help="Hide guessable digests behind salts derived from this file's secret. Keep the file.",
)

list_option = click.option(
    "--list", "list_number", type=click.IntRange(min=0), help="A status list's number; either one of a pair."
)
index_option = click.option("--index", type=click.IntRange(min=0), help="The index in that list.")


def read_secret(path: Path) -> bytes:
    """Return a file's secret without its line end; InvalidInput where it is too short to hide anything."""
    try:
        with path.open("rb") as file:
            secret = file.read(MAX_SECRET_BYTES + 1).rstrip(b"\r\n")
    except OSError as exc:
        raise InvalidInput(f"{path}: the salt secret cannot be read ({exc.strerror})") from exc
    if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        raise InvalidInput(
            f"{path}: a salt secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes: "
            "make one with `openssl rand -hex 32`"
        )
    return secret
