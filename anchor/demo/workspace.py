"""The folder in which a demonstration happens: settings, credentials, keys, the chain's state, logs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import anchor
from anchor.errors import ConfigError

CREDENTIALS = ("open-badge.json", "clr.json", "transcript.jwt", "diploma.pdf", "licence.json")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one demonstration stands."""

    folder: Path

    @property
    def config(self) -> Path:
        """The service's settings."""
        return self.folder / "anchor.toml"

    @property
    def credentials(self) -> Path:
        """Copies of the example credentials, and their proofs."""
        return self.folder / "credentials"

    @property
    def trust(self) -> Path:
        """The verifier's trust set."""
        return self.folder / "trust.toml"

    @property
    def operator_key(self) -> Path:
        """The operator's key, made by the service."""
        return self.folder / "data" / "operator.key"

    @property
    def service_log(self) -> Path:
        """What the service logged."""
        return self.folder / "service.log"

    @property
    def chain_state(self) -> Path:
        """The development chain's blocks and accounts."""
        return self.folder / "chain.json"

    def issuer_key(self, name: str) -> Path:
        """Return where an issuer's API key is kept."""
        return self.folder / f"{name}.key"

    def prepare(self) -> None:
        """Make the folder and copy the examples; ConfigError where it holds something already."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise ConfigError(f"{self.folder} is not empty: name a new folder with --data")
        self.credentials.mkdir(parents=True)
        source = _examples()
        for name in CREDENTIALS:
            shutil.copyfile(source / name, self.credentials / name)

    def write_config(self, *, port: int, rpc_url: str, contract: str, from_block: int) -> None:
        """Write the settings of a service that anchors a second after a submission."""
        self.config.write_text(
            "\n".join(
                (
                    'data_dir = "data"',
                    "[server]",
                    f"port = {port}",
                    f'base_url = "http://127.0.0.1:{port}"',
                    "[chain]",
                    'preset = "anvil"',
                    f'rpc_url = "{rpc_url}"',
                    f'contract = "{contract}"',
                    f"from_block = {from_block}",
                    "poll_s = 0.2",
                    "[batching]",
                    "max_age_s = 1",
                    "status_wait_s = 1",
                    "",
                )
            ),
            encoding="utf-8",
        )


def _examples() -> Path:
    """Return the folder of the examples: in the package where it is installed, else in the checkout."""
    package = Path(anchor.__file__).resolve().parent
    for folder in (package / "demo" / "examples", package.parent / "examples"):
        if all((folder / name).is_file() for name in CREDENTIALS):
            return folder
    raise ConfigError("the example credentials are missing: run the demonstration from a checkout")
