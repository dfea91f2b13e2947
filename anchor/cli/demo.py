"""`anchor demo`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import click

from anchor.chain.development import DevelopmentChain
from anchor.cli.help_text import examples
from anchor.cli.interrupting import ending_on_sigterm
from anchor.demo.narrator import Narrator
from anchor.demo.programs import own_environment
from anchor.demo.story import ISSUERS, Story
from anchor.demo.workspace import Workspace


@click.command(
    epilog=examples(
        "anchor demo                     tell the story and clean up",
        "anchor demo --data demo-data    keep the files",
        "anchor demo --keep              stay up for exploring, until Ctrl-C",
    )
)
@click.option("--keep", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A new folder for all files, which stays; else a temporary one.",
)
def demo(*, keep: bool, folder: Path | None) -> None:
    """Show the whole story on this machine: issue, anchor, verify, tamper, revoke, suspend, restart.

    Starts a development chain and a service, and stops them in the end. Exit code 0 only if every verdict
    was as it must be.
    """
    try:
        if folder is not None:
            asyncio.run(_demo(Workspace(folder.absolute()), keep=keep))
            return
        with tempfile.TemporaryDirectory(prefix="anchor-demo-") as temporary:
            asyncio.run(_demo(Workspace(Path(temporary).resolve()), keep=keep))
    except asyncio.CancelledError as exc:
        raise click.Abort from exc


async def _demo(workspace: Workspace, *, keep: bool) -> None:
    narrator = Narrator(write=click.echo, now_s=time.monotonic)
    environment = own_environment()
    story = Story(workspace=workspace, narrator=narrator, environment=environment)
    workspace.prepare()
    with ending_on_sigterm():
        async with DevelopmentChain(state_path=workspace.chain_state, environment=environment) as chain:
            await story.deploy_contract(chain)
            service = story.service(chain)
            async with service:
                await story.play(chain, service)
                narrator.step("All verdicts were as they must be.")
                if keep:
                    _tell_where(narrator, workspace, story.url, chain.rpc_url)
                    await _until_interrupted()


async def _until_interrupted() -> None:
    # asyncio.run cancels the task at Ctrl-C, ending_on_sigterm at SIGTERM: both are the wished-for end.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _tell_where(narrator: Narrator, workspace: Workspace, url: str, rpc_url: str) -> None:
    narrator.say(f"service       {url}  (/openapi.json, /v1/publisher, /status-lists/0, /metrics)")
    narrator.say(f"chain         {rpc_url}")
    narrator.say(f"files         {workspace.folder}")
    narrator.say(f"operator key  {workspace.operator_key}")
    for issuer in ISSUERS:
        narrator.say(f"issuer key    {workspace.issuer_key(issuer.short)}  ({issuer.name})")
    narrator.step("Things to try in another terminal; Ctrl-C here ends all")
    if sys.prefix != sys.base_prefix:
        narrator.say(f". {Path(sys.prefix) / 'bin' / 'activate'}")
    narrator.say(f"cd {workspace.credentials}")
    narrator.say(f"export ANCHOR_SERVICE={url}")
    narrator.say(f'export ANCHOR_API_KEY="$(cat {workspace.issuer_key(ISSUERS[0].short)})"')
    narrator.say("anchor submit FILE")
    narrator.say("anchor status clr.json")
    narrator.say('anchor suspend clr.json --reason "to see it" --wait anchored')
    narrator.say(f"anchor verify clr.json --trust {workspace.trust}")
