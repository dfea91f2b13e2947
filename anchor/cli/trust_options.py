"""The options by which a verifier says whom it trusts: a trust file, or the same things one by one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import click

from anchor.chain.presets import PRESETS
from anchor.documents import decode_hex32, read_address
from anchor.errors import InvalidInput
from anchor.verify import Anchorage, TrustedIssuer, TrustSet, default_trust_path, load_trust
from anchor.verify.trust_file import read_location

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustOptions:
    """What was given on the command line; the RPC URL may hold a secret."""

    file: Path | None
    rpc: str | None = field(repr=False)
    chain_id: int | None
    genesis_hash: str | None
    contract: str | None
    publisher: str | None
    from_block: int | None
    service: str | None
    mirror: str | None

    @property
    def names_anchorage(self) -> bool:
        """Whether an anchorage is described by options, in place of a file's."""
        parts = (self.chain_id, self.genesis_hash, self.contract, self.publisher)
        return any(part is not None for part in parts)


def trust_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add the options of a trust set to a command, which receives them as `options`."""

    @click.option(
        "--trust",
        "file",
        envvar="ANCHOR_TRUST",
        show_envvar=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"Your trust file.  [default: {default_trust_path()}]",
    )
    @click.option(
        "--rpc",
        envvar="ANCHOR_RPC",
        show_envvar=True,
        metavar="URL",
        help="The RPC endpoint to read the chain by, or several in quotes; replaces the trust file's.",
    )
    @click.option(
        "--chain-id",
        type=click.IntRange(min=1),
        help="In place of the trust file's anchorages, whose issuers stay: the chain's id.",
    )
    @click.option(
        "--genesis-hash", metavar="0x…", help="… the hash of its block 0 (known for test networks)."
    )
    @click.option("--contract", metavar="0x…", help="… the contract's address.")
    @click.option("--publisher", metavar="0x…", help="… the account that anchors.")
    @click.option("--from-block", type=click.IntRange(min=0), help="… the block to look for anchors from.")
    @click.option("--service", metavar="URL", help="Fetch lists from this service.")
    @click.option("--mirror", metavar="URL|FOLDER", help="Fetch lists from this mirror of a service's files.")
    @functools.wraps(function)
    def command(*args: object, **kwargs: object) -> R:
        names = TrustOptions.__dataclass_fields__
        options = TrustOptions(**{name: kwargs.pop(name) for name in names})  # type: ignore[arg-type]
        return cast("Callable[..., R]", function)(*args, options=options, **kwargs)

    return command


def trust_set(options: TrustOptions, *, issuers: tuple[str, ...]) -> TrustSet | None:
    """Return the trust set of the options, or of the trust file with the options in place of its values.

    None where there is neither. An anchorage described by options stands in place of the file's; whom the file
    accepts stays. Only where there is no file, is every issuer accepted. `issuers` are the only ones accepted,
    where any is named. Raises InvalidInput.
    """
    trust = _trust_file(options)
    if options.names_anchorage:
        anchorages = (anchorage_of(options),)
        if trust is None:
            trust = TrustSet(anchorages=anchorages, accepts_any_issuer=True)
        else:
            trust = replace(trust, anchorages=anchorages)
    return None if trust is None else _overridden(trust, options, issuers)


def _trust_file(options: TrustOptions) -> TrustSet | None:
    """Return the trust set of the file that is named, or of the user's own where there is one."""
    path = options.file or default_trust_path()
    if options.file is None and not path.exists():
        return None
    return load_trust(path)


def anchorage_of(options: TrustOptions) -> Anchorage:
    """Return the anchorage that the options describe; InvalidInput naming those that are missing."""
    genesis = options.genesis_hash or _known_genesis(options.chain_id)
    needed = {
        "--rpc": options.rpc,
        "--chain-id": options.chain_id,
        "--genesis-hash": genesis,
        "--contract": options.contract,
        "--publisher": options.publisher,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise InvalidInput(
            f"an anchorage in place of a trust file's takes all of {', '.join(needed)}: add {', '.join(missing)}"
        )
    return Anchorage(
        chain_id=options.chain_id or 0,
        genesis_hash=decode_hex32(genesis or ""),
        contract=read_address(options.contract or ""),
        publisher=read_address(options.publisher or ""),
        rpc=options.rpc or "",
        from_block=options.from_block or 0,
    )


def _known_genesis(chain_id: int | None) -> str | None:
    return next(("0x" + known.genesis_hash.hex() for known in PRESETS if known.chain_id == chain_id), None)


def _overridden(trust: TrustSet, options: TrustOptions, issuers: tuple[str, ...]) -> TrustSet:
    current = trust.current
    if options.rpc is not None:
        quorum = min(current.quorum, len(options.rpc.split()))
        current = replace(current, rpc=options.rpc, quorum=max(1, quorum))
    if options.from_block is not None:
        current = replace(current, from_block=options.from_block)
    accepted = tuple(trust.issuer(name) or TrustedIssuer(id=name) for name in issuers)
    return replace(
        trust,
        anchorages=(*trust.anchorages[:-1], current),
        issuers=tuple(dict.fromkeys(accepted)) or trust.issuers,
        accepts_any_issuer=trust.accepts_any_issuer and not issuers,
        files=read_location(service=options.service, mirror=options.mirror) or trust.files,
    )
