"""The tables of the first release, never edited: anchor.store.sqlite.migrations goes on from here."""

from __future__ import annotations

INITIAL = (
    """
    create table facts (
        name text primary key,
        value text not null
    ) strict, without rowid
    """,
    """
    create table issuers (
        number integer primary key,
        identifier text not null unique,
        name text not null,
        api_key_hash blob not null unique check (length(api_key_hash) = 32),
        signer_kind text not null check (signer_kind in ('managed', 'did-web', 'service')),
        signer_did text not null,
        verification_method text not null,
        public_key blob not null check (length(public_key) = 32),
        sealed_seed blob not null,
        created_ms integer not null,
        is_disabled integer not null default 0 check (is_disabled in (0, 1))
    ) strict
    """,
    """
    create table batches (
        id integer primary key autoincrement,
        state text not null check (state in ('accepted', 'sealed', 'sent', 'mined', 'final')),
        created_s integer not null,
        leaf_count integer not null check (leaf_count >= 1),
        is_closed integer not null default 0 check (is_closed in (0, 1)),
        sequence integer unique check (sequence >= 1),
        previous_root blob check (length(previous_root) = 32),
        sealed_s integer,
        root blob unique check (length(root) = 32),
        credential_root blob check (length(credential_root) = 32),
        status_root blob check (length(status_root) = 32),
        mined_transaction blob check (length(mined_transaction) = 32),
        block_number integer,
        block_hash blob check (length(block_hash) = 32),
        block_time_s integer,
        check ((state = 'accepted') = (root is null)),
        check ((state in ('mined', 'final')) = (block_hash is not null))
    ) strict
    """,
    # At most one batch takes digests, and at most one waits to be sealed.
    "create unique index one_open_batch on batches (is_closed) where is_closed = 0",
    "create unique index one_unsealed_batch on batches (is_closed) where is_closed = 1 and state = 'accepted'",
    "create index batches_by_state on batches (state)",
    """
    create table entries (
        issuer integer not null references issuers (number),
        method integer not null,
        digest blob not null check (length(digest) = 32),
        batch integer not null references batches (id),
        leaf_index integer not null check (leaf_index >= 1),
        accepted_s integer not null,
        list integer,
        list_index integer,
        primary key (issuer, method, digest),
        check ((list is null) = (list_index is null))
    ) strict, without rowid
    """,
    "create unique index one_binding on entries (list, list_index) where list is not null",
    """
    create table nodes (
        batch integer not null references batches (id),
        level integer not null,
        tile integer not null,
        hashes blob not null,
        primary key (batch, level, tile)
    ) strict
    """,
    """
    create table payloads (
        hash blob primary key check (length(hash) = 32),
        batch integer not null references batches (id),
        sequence integer not null,
        nonce integer not null,
        gas_limit integer not null,
        max_fee_wei integer not null,
        priority_fee_wei integer not null,
        created_ms integer not null,
        raw blob not null
    ) strict
    """,
    "create index payloads_of_batch on payloads (batch, created_ms)",
    """
    create table lists (
        number integer primary key,
        issuer integer not null references issuers (number),
        purpose integer not null check (purpose between 1 and 4),
        bits_per_entry integer not null check (bits_per_entry in (1, 2, 4, 8)),
        length integer not null,
        messages text not null default '[]',
        first_of_pair integer not null,
        permutation_key blob not null,
        allocated integer not null default 0,
        changes integer not null default 0,
        published_changes integer,
        changed_ms integer not null,
        check (allocated between 0 and length),
        check (published_changes <= changes)
    ) strict
    """,
    "create index lists_of_issuer on lists (issuer)",
    """
    create table list_pages (
        list integer not null references lists (number),
        page integer not null,
        bits blob not null,
        primary key (list, page)
    ) strict
    """,
    """
    create table list_versions (
        list integer not null references lists (number),
        version integer not null,
        valid_until_ms integer not null,
        bits_root blob not null check (length(bits_root) = 32),
        batch integer references batches (id),
        document blob not null,
        primary key (list, version)
    ) strict
    """,
    """
    create table list_forms (
        list integer not null,
        version integer not null,
        form text not null,
        body blob not null,
        primary key (list, version, form),
        foreign key (list, version) references list_versions (list, version)
    ) strict
    """,
    "create index versions_of_batch on list_versions (list, batch) where batch is not null",
    """
    create table status_changes (
        id integer primary key autoincrement,
        list integer not null references lists (number),
        list_index integer not null,
        value integer not null,
        reason text not null,
        actor text not null,
        changed_ms integer not null
    ) strict
    """,
    "create index changes_of_entry on status_changes (list, list_index)",
    """
    create table allocations (
        issuer integer not null references issuers (number),
        idempotency_key text not null,
        count integer not null,
        purpose integer not null,
        ranges text not null,
        created_ms integer not null,
        primary key (issuer, idempotency_key)
    ) strict, without rowid
    """,
)
