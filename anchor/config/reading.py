"""Settings from a TOML file, overridden by the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TypeVar

from anchor.config.checks import check_settings
from anchor.config.settings import (
    AnchoringSettings,
    BatchingSettings,
    ChainSettings,
    LimitSettings,
    ListSettings,
    PublisherSettings,
    ReceiptSettings,
    Secret,
    ServerSettings,
    Settings,
    StorageSettings,
    VerifySettings,
)
from anchor.errors import ConfigError

ENVIRONMENT_PREFIX = "ANCHOR_"

S = TypeVar("S")

_KINDS = {
    "str": "text",
    "Secret": "text",
    "int": "whole number",
    "float": "number",
    "tuple[str, ...]": "list of texts",
}


_HINTS = {"chain.contract": ": `anchor deploy` deploys one and prints its line"}


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check the settings; ConfigError names the file, the key and what to write there."""
    document = _read_toml(path)
    data_dir = _data_dir(path, document, environment)

    def section(name: str, kind: type[S]) -> S:
        return _read_section(path, name, kind, document.pop(name, {}), environment)

    settings = Settings(
        data_dir=data_dir,
        server=section("server", ServerSettings),
        chain=section("chain", ChainSettings),
        publisher=section("publisher", PublisherSettings),
        batching=section("batching", BatchingSettings),
        anchoring=section("anchoring", AnchoringSettings),
        receipts=section("receipts", ReceiptSettings),
        lists=section("lists", ListSettings),
        limits=section("limits", LimitSettings),
        folder=path.absolute().parent,
        verify=section("verify", VerifySettings),
    )
    if document:
        raise ConfigError(f"{path.name}: unknown key {next(iter(document))!r}")
    check_settings(path, settings)
    return settings


def load_storage_settings(path: Path, environment: Mapping[str, str]) -> StorageSettings:
    """
    Read where a service's own files are, whatever else the file says or lacks; ConfigError where it does not say that.

    A copy of them must be had on the day on which nothing else is right: no endpoint, half a file, the wrong machine.
    """
    document = _read_toml(path)
    data_dir = _data_dir(path, document, environment)
    table = document.get("publisher", {})
    publisher = _read_section(path, "publisher", PublisherSettings, table, environment)
    return StorageSettings(data_dir=data_dir, folder=path.absolute().parent, publisher=publisher)


def _data_dir(path: Path, document: dict[str, object], environment: Mapping[str, str]) -> Path:
    in_file = document.pop("data_dir", "data")
    data_dir = environment.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or in_file
    if not isinstance(data_dir, str):
        raise ConfigError(f"{path.name}: data_dir must be a text")
    return path.absolute().parent / data_dir


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(f"there is no {path}: write one with `anchor init`") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc


def _read_section(
    path: Path, section: str, kind: type[S], table: object, environment: Mapping[str, str]
) -> S:
    if not isinstance(table, dict):
        raise ConfigError(f"{path.name}: {section} must be a table")
    values: dict[str, object] = {}
    for item in fields(kind):  # type: ignore[arg-type]  # every section is a dataclass
        name = f"{ENVIRONMENT_PREFIX}{section}_{item.name}".upper()
        in_file = table.pop(item.name, None)
        given = environment.get(name) or in_file
        if given is not None:
            where = name if environment.get(name) else f"{path.name}: {section}.{item.name}"
            values[item.name] = _cast(where, str(item.type), given)
        elif item.default is MISSING and item.default_factory is MISSING:
            hint = _HINTS.get(f"{section}.{item.name}", "")
            raise ConfigError(f"{path.name}: {section}.{item.name} is missing (or set {name}){hint}")
    if table:
        raise ConfigError(f"{path.name}: unknown key {section}.{next(iter(table))}")
    return kind(**values)


def _cast(where: str, kind: str, given: object) -> object:
    try:
        match kind:
            case "str" if isinstance(given, str):
                return given
            case "Secret" if isinstance(given, str):
                return Secret(given)
            case "int" if isinstance(given, int | str) and not isinstance(given, bool):
                return int(given)
            case "float" if isinstance(given, int | float | str) and not isinstance(given, bool):
                return float(given)
            case "tuple[str, ...]":
                return _texts(given)
    except ValueError as exc:
        raise ConfigError(f"{where} must be a {_KINDS[kind]}") from exc
    raise ConfigError(f"{where} must be a {_KINDS[kind]}")


def _texts(given: object) -> tuple[str, ...]:
    """Return an array of texts, which the environment gives separated by commas; ValueError for anything else."""
    items = [item.strip() for item in given.split(",")] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise ValueError
    return tuple(items)
