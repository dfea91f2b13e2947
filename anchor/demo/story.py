"""The story: issue, anchor, verify, tamper, revoke, suspend, restart, each verdict as it must be."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anchor.chain.client import Web3Chain
from anchor.chain.deployment import deploy
from anchor.chain.development import DevelopmentChain
from anchor.chain.signer import LocalSigner
from anchor.core.verdict import Verdict
from anchor.demo.narrator import Narrator
from anchor.demo.programs import Ran, ServiceProcess, run
from anchor.demo.workspace import Workspace
from anchor.errors import FatalError

_NO_CONTRACT = "0x" + "00" * 20
_TRUST = "../trust.toml"
_EXIT_CODES = {Verdict.VALID: 0, Verdict.UNKNOWN: 3, Verdict.PENDING: 3}


@dataclass(frozen=True, slots=True)
class DemoIssuer:
    """An issuer of the story: the short name of its key file, its id and name, and the files it issues."""

    short: str
    id: str
    name: str
    with_status: tuple[str, ...]
    without_status: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All that it issues."""
        return self.with_status + self.without_status


UNIVERSITY = DemoIssuer(
    short="university",
    id="https://university.example",
    name="Riverside University",
    with_status=("open-badge.json", "clr.json", "transcript.jwt"),
    without_status=("diploma.pdf",),
)
NURSING_BOARD = DemoIssuer(
    short="nursing-board",
    id="https://nursing-board.example",
    name="Board of Nursing of the Northern Province",
    with_status=("licence.json",),
)
ISSUERS = (UNIVERSITY, NURSING_BOARD)

_NETWORK_NOTE = "is a test network"


class Story:
    """One run of the demonstration; leaves chain and service to `play`'s caller to keep or to stop."""

    def __init__(self, *, workspace: Workspace, narrator: Narrator, environment: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._tell = narrator
        self._environment = dict(environment)
        self._port = _free_port()
        self._has_told_network = False

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self._port}"

    def service(self, chain: DevelopmentChain) -> ServiceProcess:
        """Return the service, not yet started; the chain's well-known account pays for its anchors."""
        key = {"ANCHOR_PUBLISHER_PRIVATE_KEY": "0x" + chain.private_key.hex()}
        return ServiceProcess(
            config=self._workspace.config,
            url=self.url,
            log=self._workspace.service_log,
            environment=self._environment | key,
        )

    async def deploy_contract(self, chain: DevelopmentChain) -> None:
        """Deploy the contract and write the service's settings."""
        self._tell.step("A development chain: anvil, an Ethereum node on this machine alone")
        self._tell.say(f"RPC endpoint {chain.rpc_url}, a block every half second")
        self._tell.step("The contract AnchorRegistry: nobody owns it, anyone may use it")
        client = Web3Chain(rpc_url=chain.rpc_url, contract=_NO_CONTRACT)
        try:
            done = await deploy(
                chain=client, signer=LocalSigner(private_key=chain.private_key), poll_interval_s=0.1
            )
        finally:
            await client.close()
        self._tell.say(f"deployed at {done.address} in block {done.block_number}")
        self._workspace.write_config(
            port=self._port, rpc_url=chain.rpc_url, contract=done.address, from_block=done.block_number
        )

    async def play(self, chain: DevelopmentChain, service: ServiceProcess) -> None:
        """Tell the story with a running service; FatalError at the first verdict that is not as expected."""
        self._tell.step("The service")
        self._tell.say(f"$ anchor serve --config {self._workspace.config}")
        self._tell.say(f"ready at {self.url}")
        await self._add_issuers()
        await self._submit()
        await self._write_trust(chain)
        await self._verify_all()
        await self._tamper()
        await self._revoke()
        await self._suspend_and_reinstate()
        await self._restart(service)
        await self._audit()

    async def _add_issuers(self) -> None:
        self._tell.step("The operator adds two issuers")
        key = self._workspace.operator_key.read_text("ascii").strip()
        environment = {"ANCHOR_SERVICE": self.url, "ANCHOR_API_KEY": key}
        for issuer in ISSUERS:
            named = ("issuer", "add", "--name", issuer.name, "--id", issuer.id, "--list-signer", "service")
            words = (*named, "--key-file", f"../{issuer.short}.key")
            self._show(words, await self._run(words, environment))

    async def _submit(self) -> None:
        self._tell.step("The issuers submit five credentials; only digests leave their hands")
        commands = [
            (issuer, ("submit", *options, "--wait", "final", *files))
            for issuer in ISSUERS
            for options, files in (((), issuer.with_status), (("--no-status",), issuer.without_status))
            if files
        ]
        results = await asyncio.gather(
            *(self._run(words, self._as_issuer(issuer)) for issuer, words in commands)
        )
        for (_issuer, words), ran in zip(commands, results, strict=True):
            self._show(words, ran)
        self._tell.say("Each file now has its proof beside it, for its holder to keep.")

    async def _write_trust(self, chain: DevelopmentChain) -> None:
        self._tell.step("A verifier decides whom to trust: chain, contract, publisher, issuers")
        accepted = [word for issuer in ISSUERS for word in ("--issuer", issuer.id)]
        words = ("trust", "export", "--service", self.url, "--rpc", chain.rpc_url, *accepted, "-o", _TRUST)
        self._show(words, await self._run(words, {}))

    async def _verify_all(self) -> None:
        self._tell.step("The verifier checks all five, and asks no issuer")
        names = [name for issuer in ISSUERS for name in issuer.files]
        await self._verify(names[0], expected=Verdict.VALID)
        await self._verify_briefly(names[1:], expected=Verdict.VALID)

    async def _tamper(self) -> None:
        self._tell.step("Somebody alters one letter of the badge, and one of the diploma")
        for name, old, new in (
            ("open-badge.json", b"Distinction", b"Distinctiom"),
            ("diploma.pdf", b"Ines Carvalho", b"Inez Carvalho"),
        ):
            forged = self._workspace.credentials / f"forged-{name}"
            content = (self._workspace.credentials / name).read_bytes()
            forged.write_bytes(content.replace(old, new, 1))
            shutil.copyfile(
                self._workspace.credentials / f"{name}.proof.json",
                forged.with_name(f"{forged.name}.proof.json"),
            )
            await self._verify(forged.name, expected=Verdict.TAMPERED)

    async def _revoke(self) -> None:
        self._tell.step("The university revokes the badge")
        await self._call(UNIVERSITY, "revoke", "open-badge.json", "--reason", "awarded to the wrong person")
        self._tell.say("The list is public at once; verifiers count it even before it is anchored.")
        await self._verify("open-badge.json", expected=Verdict.REVOKED)

    async def _suspend_and_reinstate(self) -> None:
        self._tell.step("The nursing board suspends the licence, and reinstates it")
        await self._change_licence("suspend", "inquiry pending")
        await self._verify("licence.json", expected=Verdict.SUSPENDED)
        await self._change_licence("reinstate", "inquiry closed")
        await self._verify_briefly(["licence.json"], expected=Verdict.VALID)

    async def _change_licence(self, command: str, reason: str) -> None:
        await self._call(NURSING_BOARD, command, "licence.json", "--reason", reason, "--wait", "anchored")

    async def _restart(self, service: ServiceProcess) -> None:
        self._tell.step("The service stops. A credential without status entry needs the chain alone")
        await service.stop()
        await self._verify_briefly(["diploma.pdf"], expected=Verdict.VALID)
        self._tell.step("The service starts again, and everything still holds")
        await service.__aenter__()
        await self._verify_briefly(["open-badge.json"], expected=Verdict.REVOKED)
        await self._verify_briefly(
            ["clr.json", "transcript.jwt", "diploma.pdf", "licence.json"], expected=Verdict.VALID
        )
        await self._verify_briefly(["forged-open-badge.json"], expected=Verdict.TAMPERED)

    async def _audit(self) -> None:
        self._tell.step("An auditor computes every root again, from the chain and the published files")
        words = ("audit", "--trust", _TRUST)
        self._show(words, await self._run(words, {}))

    async def _call(self, issuer: DemoIssuer, *words: str) -> None:
        """Run an issuer's command and show it; FatalError where it fails."""
        self._show(words, await self._run(words, self._as_issuer(issuer)))

    def _show(self, words: tuple[str, ...], ran: Ran) -> None:
        self._tell.command(words, ran.output)
        if ran.exit_code:
            raise FatalError(f"`anchor {words[0]}` ended with exit code {ran.exit_code}")

    def _as_issuer(self, issuer: DemoIssuer) -> dict[str, str]:
        key = self._workspace.issuer_key(issuer.short).read_text("ascii").strip()
        return {"ANCHOR_SERVICE": self.url, "ANCHOR_API_KEY": key}

    async def _verify(self, name: str, *, expected: Verdict) -> None:
        """Verify a file, show every step, and compare the verdict."""
        ran = await self._run_verify(name)
        # That this is a test network is worth saying once, not after every verdict.
        lines = [
            line for line in ran.output.splitlines() if not (self._has_told_network and _NETWORK_NOTE in line)
        ]
        self._has_told_network = True
        self._tell.command(("verify", name, "--trust", _TRUST), "\n".join(lines))
        _require(ran, name, expected)

    async def _verify_briefly(self, names: Sequence[str], *, expected: Verdict) -> None:
        """Verify files side by side, show the verdicts, and compare them."""
        for name, ran in zip(names, await asyncio.gather(*map(self._run_verify, names)), strict=True):
            self._tell.command(
                ("verify", name, "--trust", _TRUST), "\n".join(ran.output.rstrip().splitlines()[-1:])
            )
            _require(ran, name, expected)

    async def _run_verify(self, name: str) -> Ran:
        return await self._run(("verify", name, "--trust", _TRUST), {})

    async def _run(self, words: tuple[str, ...], environment: Mapping[str, str]) -> Ran:
        return await run(
            *words, folder=self._workspace.credentials, environment=self._environment | dict(environment)
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require(ran: Ran, name: str, expected: Verdict) -> None:
    """Raise FatalError unless a verification ended with the verdict and its exit code."""
    last = ran.output.rstrip().splitlines()[-1:]
    if ran.exit_code != _EXIT_CODES.get(expected, 1) or not last or expected.value not in last[0].split():
        raise FatalError(f"{name} should be {expected.value}: `anchor verify` ended with {ran.exit_code}")
