"""The commented anchor.toml that `anchor init` writes."""

from __future__ import annotations

from string import Template

from anchor.chain.development import DEVELOPMENT_PRIVATE_KEY

_ANVIL = "anvil"

_FILE = Template("""\
# Settings of a credential-anchor service. Each can also be given in the environment, as ANCHOR_SECTION_KEY
# such as ANCHOR_CHAIN_RPC_URL; the environment wins. Paths are relative to this file.

# The database, the operator's key, the keys that sign receipts and encrypt list-signing keys. Back it up.
data_dir = "data"

[server]
host = "127.0.0.1"
port = 8080
# Stands in credentials and status lists for decades: https with a name that you keep (http on this machine
# only). It cannot be changed once a status list exists.
base_url = "http://127.0.0.1:8080"
# Reverse proxies by address or network: whom they name in X-Forwarded-For is believed to be the client.
trusted_proxies = ["127.0.0.1", "::1"]

[chain]
$chain

[publisher]
$publisher

[batching]
# A batch is closed when it has this many digests, or when its oldest is this old.
max_entries = 1000000
max_age_s = $max_age_s
# How long a status change waits for its anchor. Verifiers rely on one for half an hour at most without.
status_wait_s = 60
# An anchor at least this often, if need be an empty one. Verifiers call status older than 48 hours stale.
heartbeat_s = 86400

[anchoring]
# At most so much ether in any 24 hours; what is used up holds back everything, revocations too. 0: no limit.
daily_budget_ether = 0
# At a higher base fee a due batch waits, at most cheap_wait_s, one with status changes 25 minutes. 0: never.
cheap_base_fee_gwei = 0
cheap_wait_s = 3600
# /readyz warns when the balance lasts for fewer days at the present rate.
warn_days = 14

[receipts]
# Each submission is answered with a signed promise of an anchor within this time; a broken one is evidence.
promise_s = 86400

[limits]
# Clients at once, in all (lowered where `ulimit -n` leaves no room) and from one address that is no trusted proxy.
connections = 800
connections_per_address = 100
# An API key may send so many requests a second, and so many at once after a rest; beyond it 429.
key_requests_per_s = 500
key_burst = 5000
# Memory for the bodies of all requests under way, in bytes; beyond it 503.
bodies_in_memory_bytes = 268435456

[verify]
# Hosts (host or host:port) whose status lists /credentials/verify may fetch, and those of related resources. None:
# nothing is fetched. Hosts of your own network that speak http: in local_hosts too.
list_hosts = []
resource_hosts = []
local_hosts = []
# Shorter lists of others give away whose status is asked for; some that are deployed have 100,000 entries.
min_list_entries = 131072
""")

_ANVIL_CHAIN = """\
# The development chain on this machine: run `anchor chain`, which keeps it in chain.json.
preset = "anvil"
rpc_url = "http://127.0.0.1:8545"
# What `anchor deploy` prints.
# contract = "0x…"
# from_block = 0"""

_PUBLIC_CHAIN = Template("""\
preset = "$preset"
# Better in the environment, since it often holds a key: ANCHOR_CHAIN_RPC_URL.
# Several, separated by spaces, stand in for each other when one fails; the first is asked first.
# rpc_url = "https://…"
# So many of them must tell the same before it counts: with 2 of 3, one that lies makes nothing final.
# quorum = 1
# What `anchor deploy` prints.
# contract = "0x…"
# from_block = 0""")

_ANVIL_PUBLISHER = Template("""\
# On the development chain the first account has ether. Its key is public, so it is good for nothing else:
# export ANCHOR_PUBLISHER_PRIVATE_KEY=0x$key
# keystore = "publisher.json"
# password_file = "publisher.password\"""")

_KEYSTORE_PUBLISHER = """\
# The account that pays for anchors; verifiers know you by its address. Use it for nothing else.
# Instead of both files: ANCHOR_PUBLISHER_PRIVATE_KEY in the environment; or a web3signer or clef that holds the key:
# remote_signer_url = "http://127.0.0.1:9000"
# address = "0x…"
keystore = "publisher.json"
password_file = "publisher.password\""""


def config_text(chain: str) -> str:
    """Return the file for `anvil` or a preset chain."""
    is_anvil = chain == _ANVIL
    publisher = _KEYSTORE_PUBLISHER
    if is_anvil:
        publisher = _ANVIL_PUBLISHER.substitute(key=DEVELOPMENT_PRIVATE_KEY.hex())
    return _FILE.substitute(
        chain=_ANVIL_CHAIN if is_anvil else _PUBLIC_CHAIN.substitute(preset=chain),
        publisher=publisher,
        max_age_s=10 if is_anvil else 60,
    )
