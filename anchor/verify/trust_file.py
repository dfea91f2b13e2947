"""The trust set as a TOML file: read strictly, written with the words that a person must check."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from platformdirs import user_config_path

from anchor.client.base_url import check_base_url, is_loopback
from anchor.core.strict_json import JsonValue
from anchor.documents import decode_hex32, read_address
from anchor.errors import InvalidInput
from anchor.fields import Fields, encode_hex
from anchor.verify.trust import (
    DEFAULT_MAX_STATUS_AGE_S,
    Anchorage,
    FileLocation,
    ForeignHost,
    TrustedIssuer,
    TrustSet,
)
from status_lists import MIN_ENTRIES, RetrievalFailed
from status_lists.multibase import decode_multikey, encode_multikey
from status_lists.public_keys import PublicKey, key_of_did_key, public_key_from_multikey
from status_lists.targets import parse_host

_DID_KEY = "did:key:"
_MAX_TABLES = 10_000
_DEL = "\x7f"


def default_trust_path() -> Path:
    """Return where the trust file of this user is looked for."""
    return user_config_path("credential-anchor") / "trust.toml"


def load_trust(path: Path | str) -> TrustSet:
    """Read a trust file; InvalidInput, naming the place, where there is none or it has a fault."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as exc:
        raise InvalidInput(f"there is no trust file {path}: make one with `anchor trust export`") from exc
    except OSError as exc:
        raise InvalidInput(f"the trust file {path} cannot be read: {exc.strerror}") from exc
    try:
        return parse_trust(content)
    except InvalidInput as exc:
        raise InvalidInput(f"{path}: {exc}") from exc


def parse_trust(content: bytes) -> TrustSet:
    """Read the TOML of a trust set strictly: unknown names and wrong types are InvalidInput."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InvalidInput(f"this is no TOML: {exc}") from exc
    fields = Fields(cast("JsonValue", table), "the trust file")
    anchorages = [
        _read_anchorage(Fields(item, f"[[anchorage]] {position}"))
        for position, item in enumerate(_tables(fields, "anchorage"), start=1)
    ]
    issuers = [
        _read_issuer(Fields(item, f"[[issuer]] {position}"))
        for position, item in enumerate(_tables(fields, "issuer"), start=1)
    ]
    foreign_hosts = tuple(
        _read_foreign(Fields(item, f"[[foreign_lists]] {position}"))
        for position, item in enumerate(_tables(fields, "foreign_lists"), start=1)
    )
    trust = TrustSet(
        anchorages=tuple(anchorages),
        issuers=tuple(issuers),
        accepts_any_issuer=fields.boolean("accept_any_issuer", default=False),
        files=read_location(service=fields.optional_text("service"), mirror=fields.optional_text("mirror")),
        max_status_age_s=_optional_integer(fields, "max_status_age_s") or DEFAULT_MAX_STATUS_AGE_S,
        foreign_hosts=foreign_hosts,
        min_list_entries=_optional_integer(fields, "min_list_entries") or MIN_ENTRIES,
    )
    fields.end()
    return trust


def read_location(*, service: str | None, mirror: str | None) -> FileLocation | None:
    """Return where lists may be fetched; None where neither is given.

    A service is an https URL, or http on this machine; a mirror is that or a folder. Raises InvalidInput.
    """
    if service is not None and mirror is not None:
        raise InvalidInput("give a service or a mirror, not both: status is read from one place")
    if service is not None:
        return FileLocation(address=check_base_url(service), is_mirror=False)
    if mirror is None:
        return None
    address = check_base_url(mirror) if "://" in mirror else str(Path(mirror).expanduser())
    return FileLocation(address=address, is_mirror=True)


def read_foreign_host(host: str, *, is_local: bool = False) -> ForeignHost:
    """Return the server that a `host` or `host:port` names; InvalidInput for another form.

    Without a port it is that of https. This machine itself counts as local.
    """
    try:
        authority = parse_host(host)
    except RetrievalFailed as exc:
        raise InvalidInput(f"{host[:64]!r} is no host: write lists.example.org or host:port") from exc
    bare = authority.rpartition(":")[0].strip("[]")
    return ForeignHost(authority=authority, is_local=is_local or is_loopback(bare))


def read_public_key(text: str) -> PublicKey:
    """Return the key of a Multikey (`z6Mk…` Ed25519, `zDn…` P-256) or a `did:key`; StatusListError otherwise."""
    return key_of_did_key(text).public_key if text.startswith(_DID_KEY) else public_key_from_multikey(text)


def write_trust(trust: TrustSet, *, comment: Sequence[str]) -> str:
    """Return the TOML that `parse_trust` reads back, headed by lines of comment."""
    lines = [f"# {line}".rstrip() for line in comment]
    if trust.files is not None:
        lines += ["", f"{'mirror' if trust.files.is_mirror else 'service'} = {_quoted(trust.files.address)}"]
    lines += [f"max_status_age_s = {trust.max_status_age_s}"]
    if trust.accepts_any_issuer:
        lines += [
            "# Every issuer that the publisher names is accepted. Delete this to accept only those below.",
            "accept_any_issuer = true",
        ]
    if trust.min_list_entries != MIN_ENTRIES:
        lines += [f"min_list_entries = {trust.min_list_entries}"]
    for anchorage in trust.anchorages:
        lines += ["", "[[anchorage]]", *_anchorage_lines(anchorage)]
    for issuer in trust.issuers:
        lines += ["", "[[issuer]]", *_issuer_lines(issuer)]
    for host in trust.foreign_hosts:
        lines += ["", "[[foreign_lists]]", f"host = {_quoted(host.authority)}"]
        lines += ["local = true"] if host.is_local else []
    return "\n".join(lines) + "\n"


def _tables(fields: Fields, name: str) -> Sequence[JsonValue]:
    return fields.items(name, max_items=_MAX_TABLES) if fields.has(name) else ()


def _read_anchorage(fields: Fields) -> Anchorage:
    rpc = _read_rpc(fields)
    anchorage = Anchorage(
        chain_id=fields.integer("chain_id", minimum=1),
        genesis_hash=fields.decoded("genesis_hash", decode_hex32),
        contract=fields.decoded("contract", read_address),
        publisher=fields.decoded("publisher", read_address),
        rpc=rpc,
        quorum=_read_quorum(fields, rpc),
        from_block=_optional_integer(fields, "from_block") or 0,
        code_hash=fields.decoded("code_hash", decode_hex32) if fields.has("code_hash") else None,
        confirmations=_optional_integer(fields, "confirmations"),
        receipt_keys=_read_receipt_keys(fields),
    )
    fields.end()
    return anchorage


def _read_receipt_keys(fields: Fields) -> tuple[bytes, ...]:
    return tuple(
        Fields({"receipt_keys": text}, "[[anchorage]]").decoded("receipt_keys", decode_multikey)
        for text in _texts(fields, "receipt_keys")
    )


def _read_rpc(fields: Fields) -> str:
    """Read one RPC URL or an array of them, or nothing."""
    if not fields.has("rpc"):
        return ""
    value = fields.value("rpc")
    urls = [value] if isinstance(value, str) else value
    if (
        not urls
        or not isinstance(urls, list)
        or not all(isinstance(url, str) and url.split() for url in urls)
    ):
        raise InvalidInput("'rpc' must be the URL of an RPC endpoint, or an array of such URLs")
    return " ".join(str(url) for url in urls)


def _read_quorum(fields: Fields, rpc: str) -> int:
    if not fields.has("quorum"):
        return 1
    return fields.integer("quorum", minimum=1, maximum=max(1, len(rpc.split())))


def _read_foreign(fields: Fields) -> ForeignHost:
    host = read_foreign_host(fields.text("host"), is_local=fields.boolean("local", default=False))
    fields.end()
    return host


def _read_issuer(fields: Fields) -> TrustedIssuer:
    keys = [
        Fields({"keys": text}, "keys").decoded("keys", read_public_key) for text in _texts(fields, "keys")
    ]
    issuer = TrustedIssuer(
        id=fields.text("id"),
        aliases=_texts(fields, "aliases"),
        name=fields.optional_text("name"),
        keys=tuple(key.key_bytes for key in keys if key.algorithm == "EdDSA"),
        p256_keys=tuple(key.key_bytes for key in keys if key.algorithm == "ES256"),
    )
    fields.end()
    return issuer


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    if not fields.has(name):
        return ()
    items = fields.items(name, max_items=_MAX_TABLES)
    if not all(isinstance(item, str) for item in items):
        raise InvalidInput(f"{name!r} must be an array of texts")
    return tuple(str(item) for item in items)


def _optional_integer(fields: Fields, name: str) -> int | None:
    return fields.integer(name) if fields.has(name) else None


def _anchorage_lines(anchorage: Anchorage) -> list[str]:
    optional = {
        "code_hash": None if anchorage.code_hash is None else _quoted(encode_hex(anchorage.code_hash)),
        "confirmations": None if anchorage.confirmations is None else str(anchorage.confirmations),
        "quorum": None if anchorage.quorum == 1 else str(anchorage.quorum),
        "receipt_keys": _array(map(encode_multikey, anchorage.receipt_keys))
        if anchorage.receipt_keys
        else None,
    }
    return [
        f"chain_id = {anchorage.chain_id}",
        f"genesis_hash = {_quoted(encode_hex(anchorage.genesis_hash))}",
        f"contract = {_quoted(anchorage.contract)}",
        f"publisher = {_quoted(anchorage.publisher)}",
        _rpc_line(anchorage.rpc.split()),
        f"from_block = {anchorage.from_block}",
        *(f"{name} = {value}" for name, value in optional.items() if value is not None),
    ]


def _rpc_line(urls: Sequence[str]) -> str:
    if not urls:
        return '# rpc = "https://…"  an RPC endpoint of your choice, or several: ["https://…", "https://…"]'
    return f"rpc = {_quoted(urls[0])}" if len(urls) == 1 else f"rpc = {_array(urls)}"


def _issuer_lines(issuer: TrustedIssuer) -> list[str]:
    lines = [f"id = {_quoted(issuer.id)}"]
    if issuer.name is not None:
        lines.append(f"name = {_quoted(issuer.name)}")
    if issuer.aliases:
        lines.append(f"aliases = {_array(issuer.aliases)}")
    keys = [PublicKey(algorithm="EdDSA", key_bytes=key) for key in issuer.keys]
    keys += [PublicKey(algorithm="ES256", key_bytes=key) for key in issuer.p256_keys]
    if keys:
        lines.append(f"keys = {_array(key.multikey for key in keys)}")
    return lines


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for one character that TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace(_DEL, "\\u007f")
