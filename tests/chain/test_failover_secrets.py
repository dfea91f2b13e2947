"""The API keys of several RPC endpoints, and of a remote signer, are told to nobody (fault 48)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest
import structlog

from anchor.chain.endpoint_health import FailoverPolicy
from anchor.chain.failover import connect
from anchor.chain.protocol import Chain, UnsignedTransaction
from anchor.chain.remote_signer import RemoteSigner
from anchor.errors import ChainUnavailable, ConfigError
from tests.chain.test_rpc_secrets import ECHO, FAULTS, PASSWORD, PATH_KEY, QUERY_KEY, SECRETS, USER
from tests.support import rpc_proxy
from tests.support.anvil import ZERO_ADDRESS
from tests.support.rpc_proxy import RpcProxy

CALLS: dict[str, Callable[[Chain], Awaitable[object]]] = {
    "identity": lambda chain: chain.identity(),
    "latest": lambda chain: chain.block("latest"),
    "finalized": lambda chain: chain.block("finalized"),
    "state": lambda chain: chain.head(ZERO_ADDRESS, bytes(32)),
    "events": lambda chain: chain.anchored_events(ZERO_ADDRESS, from_block=0, to_block=1),
    "balance": lambda chain: chain.balance_wei(ZERO_ADDRESS),
    "broadcast": lambda chain: chain.broadcast(b"\x02"),
}
TRANSACTION = UnsignedTransaction(
    chain_id=1, to=None, calldata=b"", nonce=0, gas_limit=1, max_fee_wei=1, priority_fee_wei=1
)


def _with_secrets(url: str) -> str:
    return url.replace("http://", f"http://{USER}:{PASSWORD}@") + f"/v3/{PATH_KEY}?apikey={QUERY_KEY}"


async def _outcome(call: Awaitable[object]) -> str:
    """Return everything that the caller gets to see."""
    try:
        return repr(await call)
    except (ChainUnavailable, ConfigError) as exc:
        return "\n".join([str(exc), repr(exc), repr(vars(exc)), *traceback.format_exception(exc)])


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return what gives everything logged so far, by the libraries and by the project."""
    caplog.set_level(logging.DEBUG)
    structured: list[str] = []

    def keep(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        structured.append(repr(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    return lambda: caplog.text + "\n".join(structured)


@pytest.fixture(autouse=True)
def _structlog() -> object:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("quorum", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
async def test_failing_endpoints_never_give_a_key_away(
    log: Callable[[], str], fault: str, quorum: int
) -> None:
    """With all loggers at DEBUG, nothing logged, raised, returned or called a problem shows more than an origin."""
    async with (
        RpcProxy(upstream_url="http://127.0.0.1:1") as first,
        RpcProxy(upstream_url="http://127.0.0.1:1") as second,
    ):
        chain = connect(
            rpc_urls=[_with_secrets(first.url), _with_secrets(second.url)],
            contract=ZERO_ADDRESS,
            quorum=quorum,
            request_timeout_s=0.3,
            policy=FailoverPolicy(first_back_off_s=0.0, max_back_off_s=0.0, patience_s=0.1),
        )
        for proxy in (first, second):
            proxy.fail("*", FAULTS[fault])
        shown = [await _outcome(call(chain)) for call in CALLS.values()]
        shown += [repr(chain), str(chain), *chain.endpoint_problems(), log()]
        await chain.close()

    text = "\n".join(shown)
    assert [secret for secret in SECRETS if secret in text] == []
    assert "chain.endpoint_out" in text
    assert first.url in text
    assert second.url in text


async def test_endpoints_of_different_chains_are_named_without_their_keys() -> None:
    """The refusal to start names origins, chain ids and genesis hashes only."""
    async with (
        RpcProxy(upstream_url="http://127.0.0.1:1") as first,
        RpcProxy(upstream_url="http://127.0.0.1:1") as second,
    ):
        genesis = {"number": "0x0", "hash": "0x" + "ab" * 32, "timestamp": "0x1"}
        for chain_id, proxy in enumerate((first, second), start=1):
            proxy.fail("eth_chainId", rpc_proxy.result(hex(chain_id)))
            proxy.fail("eth_getBlockByNumber", rpc_proxy.result(genesis))
        chain = connect(rpc_urls=[_with_secrets(first.url), _with_secrets(second.url)], contract=ZERO_ADDRESS)
        shown = await _outcome(chain.identity())
        await chain.close()

    assert [secret for secret in SECRETS if secret in shown] == []
    assert "ConfigError" in shown
    assert f"{first.url} for chain 1" in shown
    assert f"{second.url} for chain 2" in shown


@pytest.mark.parametrize("fault", FAULTS)
async def test_failing_remote_signer_never_gives_its_url_away(log: Callable[[], str], fault: str) -> None:
    """The URL of a remote signer may hold a password: it is treated like an RPC endpoint's."""
    async with RpcProxy(upstream_url="http://127.0.0.1:1") as proxy:
        proxy.fail("*", FAULTS[fault])
        signer = RemoteSigner(url=_with_secrets(proxy.url), address=ZERO_ADDRESS, request_timeout_s=0.3)
        outcome = await _outcome(signer.sign(TRANSACTION))
        shown = "\n".join([outcome, repr(signer), log()])
        await signer.close()

    assert ECHO not in shown
    assert [secret for secret in SECRETS if secret in shown] == []
    assert "SignerFailure" in shown
    assert proxy.url in shown
