"""
Settings: a TOML file, overridden by the environment, read once and frozen.

Every key `name` of a table `[section]` can be given as `ANCHOR_SECTION_NAME`. Relative paths are relative to the file.
Every limit of the service has its name and its reason here.
"""

from anchor.config.checks import is_base_url
from anchor.config.reading import load_settings, load_storage_settings
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

__all__ = [
    "AnchoringSettings",
    "BatchingSettings",
    "ChainSettings",
    "LimitSettings",
    "ListSettings",
    "PublisherSettings",
    "ReceiptSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "VerifySettings",
    "is_base_url",
    "load_settings",
    "load_storage_settings",
]
