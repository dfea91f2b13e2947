"""The database's shape, as numbered migrations; one that was released is never edited."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from anchor.store.sqlite.initial_schema import INITIAL

migrations = Migrations("credential-anchor")


@migrations(name="0001 initial")
def initial(database: Database) -> None:
    """Create all tables of the first release."""
    for statement in INITIAL:
        database.execute(statement)


@migrations(name="0002 rotated list keys and webhooks")
def rotated_list_keys_and_webhooks(database: Database) -> None:
    """Create the tables of retired list keys and of webhooks."""
    for statement in _LIST_KEYS_AND_WEBHOOKS:
        database.execute(statement)


@migrations(name="0003 named credentials")
def named_credentials(database: Database) -> None:
    """Create the table of status entries by the ids of credentials."""
    for statement in _NAMED_CREDENTIALS:
        database.execute(statement)


@migrations(name="0004 batches sealed again")
def batches_sealed_again(database: Database) -> None:
    """Create the tables of batches whose sequence another batch was given, and of the lists they commit to."""
    for statement in _SEALED_AGAIN:
        database.execute(statement)


@migrations(name="0005 list keys of another curve")
def list_keys_of_another_curve(database: Database) -> None:
    """Create the table of P-256 keys, which sign the token forms of lists."""
    for statement in _TOKEN_KEYS:
        database.execute(statement)


@migrations(name="0006 receipt keys")
def receipt_keys(database: Database) -> None:
    """Create the table of keys that sign receipts."""
    for statement in _RECEIPT_KEYS:
        database.execute(statement)


@migrations(name="0006b what anchors cost")
def what_anchors_cost(database: Database) -> None:
    """Create the table of what payloads cost; what was spent before it was there is not counted."""
    for statement in _COSTS:
        database.execute(statement)


@migrations(name="0007 publishers and anchorages")
def publishers_and_anchorages(database: Database) -> None:
    """Let batches say where and by whom they were anchored; what a database was tied to is its first anchorage."""
    for statement in _PUBLISHERS_AND_ANCHORAGES:
        database.execute(statement)
    facts = dict(database.execute("select name, value from facts").fetchall())
    if not all(name in facts for name in _ANCHORAGE_FACTS):
        return
    # From which block on is the settings' to say: the next start notes it.
    database.execute(
        "insert into anchorages (number, chain_id, genesis_hash, contract, from_block) values (1, ?, ?, ?, 0)",
        (int(facts["chain_id"]), bytes.fromhex(facts["genesis_hash"]), facts["contract"]),
    )
    publisher = facts["publisher"]
    database.execute("insert into publishers (anchorage, position, address) values (1, 0, ?)", (publisher,))
    database.execute("update batches set anchorage = 1 where root is not null")
    database.execute("update batches set publisher = ? where block_hash is not null", (publisher,))
    database.execute("update payloads set anchorage = 1, sender = ?", (publisher,))


@migrations(name="0008 rebuilt databases")
def rebuilt_databases(database: Database) -> None:
    """Create the tables of what a database that was made anew from chain and published files cannot know."""
    for statement in _REBUILT:
        database.execute(statement)


@migrations(name="0009 what earlier anchorages lack")
def what_earlier_anchorages_lack(database: Database) -> None:
    """Create the tables of what a rebuilt database lacks of anchorages that were left."""
    for statement in _EARLIER_ANCHORAGES:
        database.execute(statement)


@migrations(name="0010 what all transactions cost")
def what_all_transactions_cost(database: Database) -> None:
    """Count calls as payloads are counted: a cost is of a transaction, whatever it was signed for."""
    for statement in _ALL_COSTS:
        database.execute(statement)


_LIST_KEYS_AND_WEBHOOKS = (
    # Public halves only: the seed of a key that was replaced is gone.
    """
    create table retired_list_keys (
        id integer primary key autoincrement,
        issuer integer not null references issuers (number),
        verification_method text not null unique,
        public_key blob not null check (length(public_key) = 32),
        retired_ms integer not null
    ) strict
    """,
    "create index retired_list_keys_of_issuer on retired_list_keys (issuer)",
    # `delivered` is the id of the newest publication that the receiver took.
    """
    create table webhooks (
        id integer primary key autoincrement,
        issuer integer not null references issuers (number),
        url text not null,
        sealed_secret blob not null,
        created_ms integer not null,
        delivered integer not null,
        attempt_at_ms integer not null,
        failures integer not null default 0,
        failing_since_ms integer,
        last_failure text,
        is_disabled integer not null default 0 check (is_disabled in (0, 1)),
        check ((failures = 0) = (failing_since_ms is null)),
        check ((failures = 0) = (last_failure is null))
    ) strict
    """,
    "create index webhooks_of_issuer on webhooks (issuer)",
)

_NAMED_CREDENTIALS = (
    # `credential` is the SHA-256 of the credential's id: the id itself is nobody's business here.
    """
    create table named_credentials (
        id integer primary key autoincrement,
        issuer integer not null references issuers (number),
        credential blob not null check (length(credential) = 32),
        list integer not null references lists (number),
        list_index integer not null,
        created_ms integer not null
    ) strict
    """,
    "create index named_credentials_by_name on named_credentials (issuer, credential)",
)

_SEALED_AGAIN = (
    # An unmined batch whose sequence an older one was sealed under: its own seal counts until that one is final.
    """
    create table displaced_batches (
        batch integer primary key references batches (id),
        sequence integer not null check (sequence >= 1)
    ) strict
    """,
    # Versions of lists 0, 1, 2, … as a JSON array, for batches whose order of sealing is not that of their ids.
    """
    create table list_snapshots (
        batch integer primary key references batches (id),
        versions text not null
    ) strict
    """,
)

_TOKEN_KEYS = (
    # At most one of an issuer signs; of the others the public halves stay, and their secrets are gone.
    """
    create table token_keys (
        id integer primary key autoincrement,
        issuer integer not null references issuers (number),
        verification_method text not null unique,
        public_key blob not null check (length(public_key) = 33),
        sealed_secret blob,
        retired_ms integer,
        check ((sealed_secret is null) = (retired_ms is not null))
    ) strict
    """,
    "create unique index one_token_key on token_keys (issuer) where retired_ms is null",
    "create index token_keys_of_issuer on token_keys (issuer)",
)

_RECEIPT_KEYS = (
    # Public halves only: receipts stay checkable whatever becomes of the key's file.
    """
    create table receipt_keys (
        id integer primary key autoincrement,
        public_key blob not null unique check (length(public_key) = 32),
        since_ms integer not null
    ) strict
    """,
)

_COSTS = (
    # A cost in wei may exceed a 64-bit integer, so it is text; `mined_s` is null where the payload was not seen mined.
    """
    create table payload_costs (
        payload blob primary key references payloads (hash),
        cost_wei text,
        mined_s integer,
        is_settled integer not null default 0 check (is_settled in (0, 1)),
        check ((cost_wei is null) = (mined_s is null))
    ) strict, without rowid
    """,
    "create index payloads_of_nonce on payloads (nonce)",
    "create index open_costs on payload_costs (payload) where is_settled = 0",
    "create index costs_by_time on payload_costs (mined_s) where mined_s is not null",
    """
    insert into payload_costs (payload, is_settled)
    select payloads.hash, batches.state = 'final' from payloads join batches on batches.id = payloads.batch
    """,
)

_ANCHORAGE_FACTS = ("chain_id", "genesis_hash", "contract", "publisher")
"""What a database was tied to while it had one anchorage and one publisher."""

_PUBLISHERS_AND_ANCHORAGES = (
    # In order of age; roots are anchored in the last one.
    """
    create table anchorages (
        number integer primary key,
        chain_id integer not null,
        genesis_hash blob not null check (length(genesis_hash) = 32),
        contract text not null,
        from_block integer not null
    ) strict
    """,
    # The line of succession of each anchorage, oldest first, as the chain last showed it.
    """
    create table publishers (
        anchorage integer not null references anchorages (number),
        position integer not null,
        address text not null,
        primary key (anchorage, position),
        unique (anchorage, address)
    ) strict, without rowid
    """,
    # Where a batch was sealed for, and under whose address its record stands once it is mined.
    "alter table batches add column anchorage integer references anchorages (number)",
    "alter table batches add column publisher text",
    # The sequence that a batch has in an earlier anchorage; `sequence` is that of the last one alone.
    "alter table batches add column former_sequence integer check (former_sequence >= 1)",
    """
    create unique index former_sequences on batches (anchorage, former_sequence)
    where former_sequence is not null and state = 'final'
    """,
    # Signed calls that change the line of succession: of no batch, but of an account's nonces like payloads.
    """
    create table calls (
        hash blob primary key check (length(hash) = 32),
        anchorage integer not null references anchorages (number),
        sender text not null,
        calldata blob not null,
        nonce integer not null,
        gas_limit integer not null,
        max_fee_wei integer not null,
        priority_fee_wei integer not null,
        created_ms integer not null,
        raw blob not null
    ) strict
    """,
    # A nonce is one of an account on a chain.
    "alter table payloads add column anchorage integer references anchorages (number)",
    "alter table payloads add column sender text",
)

_REBUILT = (
    # Their transactions are known by their hashes only.
    "create table rebuilt_batches (batch integer primary key references batches (id)) strict",
    # Leaves of rebuilt batches whose digests nobody has named yet. One may stand twice: where a batch was missing when
    # a database was rebuilt, a digest of it that was submitted again has a second leaf.
    """
    create table orphan_leaves (
        leaf blob not null check (length(leaf) = 32),
        batch integer not null references rebuilt_batches (batch),
        leaf_index integer not null check (leaf_index >= 1),
        primary key (leaf, batch, leaf_index)
    ) strict, without rowid
    """,
    # A list goes on from the bits of a version; changes up to `last_change` came before it.
    """
    create table rebuilt_lists (
        list integer primary key references lists (number),
        version integer,
        last_change integer not null,
        foreign key (list, version) references list_versions (list, version)
    ) strict
    """,
    # Anchored, and not published any more where the database was rebuilt from.
    """
    create table missing_batches (
        sequence integer primary key check (sequence >= 1),
        root blob not null check (length(root) = 32)
    ) strict
    """,
    """
    create table missing_versions (
        list integer not null,
        version integer not null,
        primary key (list, version),
        foreign key (list, version) references list_versions (list, version)
    ) strict
    """,
)

_EARLIER_ANCHORAGES = (
    # Anchored there, and not published any more where the database was rebuilt from.
    """
    create table missing_former_batches (
        anchorage integer not null references anchorages (number),
        sequence integer not null check (sequence >= 1),
        root blob not null check (length(root) = 32),
        primary key (anchorage, sequence)
    ) strict, without rowid
    """,
)

_ALL_COSTS = (
    # In the order in which the transactions were stored.
    """
    create table costs (
        transaction_hash blob not null unique check (length(transaction_hash) = 32),
        anchorage integer not null references anchorages (number),
        sender text not null,
        nonce integer not null,
        gas_limit integer not null,
        max_fee_wei integer not null,
        cost_wei text,
        mined_s integer,
        is_settled integer not null default 0 check (is_settled in (0, 1)),
        check ((cost_wei is null) = (mined_s is null))
    ) strict
    """,
    """
    insert into costs (
        transaction_hash, anchorage, sender, nonce, gas_limit, max_fee_wei, cost_wei, mined_s, is_settled)
    select hash, anchorage, sender, nonce, gas_limit, max_fee_wei, cost_wei, mined_s, is_settled
    from payload_costs join payloads on payloads.hash = payload_costs.payload order by payloads.rowid
    """,
    """
    insert into costs (transaction_hash, anchorage, sender, nonce, gas_limit, max_fee_wei)
    select hash, anchorage, sender, nonce, gas_limit, max_fee_wei from calls order by rowid
    """,
    "drop table payload_costs",
    "create index open_costs on costs (sender, nonce) where is_settled = 0",
    "create index costs_by_time on costs (mined_s) where mined_s is not null",
)
