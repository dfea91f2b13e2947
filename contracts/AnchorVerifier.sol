// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./IAnchorRegistry.sol";
import {IAnchorVerifier} from "./IAnchorVerifier.sol";

/// @title  AnchorVerifier
/// @notice See {IAnchorVerifier}, which documents everything that can be called.
contract AnchorVerifier is IAnchorVerifier {
    /// @dev The code hash of every AnchorRegistry, which is final.
    bytes32 private constant REGISTRY_CODE_HASH = 0xc16c9f1a72dea50c7e14f54507400d85de3062f3e81cb67987413db762f96533;

    /// @dev RFC 9162's prefix of a leaf, then the first two bytes of each kind of entry. The prefix keeps inner nodes
    ///      from passing for entries, the two bytes keep entries of one kind from passing for another.
    bytes3 private constant CREDENTIAL_LEAF = 0x000101;
    bytes3 private constant LIST_LEAF = 0x000102;
    bytes3 private constant CHUNK_LEAF = 0x000103;
    bytes3 private constant SUMMARY_LEAF = 0x000104;
    bytes1 private constant NODE = 0x01;

    uint256 private constant CHUNK_BITS = 512;
    uint256 private constant WORD_BITS = 256;
    uint64 private constant UNBOUND = type(uint64).max;
    uint8 private constant REVOCATION = 1;
    uint8 private constant SUSPENSION = 2;

    /// @inheritdoc IAnchorVerifier
    IAnchorRegistry public immutable registry;

    /// @param registry_ The AnchorRegistry whose records count.
    constructor(IAnchorRegistry registry_) {
        bytes32 codeHash = address(registry_).codehash;
        if (codeHash != REGISTRY_CODE_HASH) revert NotARegistry(address(registry_), codeHash);
        registry = registry_;
    }

    /// @inheritdoc IAnchorVerifier
    function checkCredential(address publisher, CredentialEntry calldata entry, CredentialProof calldata proof)
        external
        view
        returns (uint64 sequence, uint64 timestamp)
    {
        IAnchorRegistry.Record memory anchored = _provenRecord(publisher, entry, proof);
        return (anchored.sequence, anchored.timestamp);
    }

    /// @inheritdoc IAnchorVerifier
    function checkStatus(address publisher, uint64 listNumber, uint64 index, StatusEvidence calldata evidence)
        external
        view
        returns (uint8 value, uint64 version, uint64 timestamp)
    {
        bytes32 head;
        (head, timestamp) = _head(publisher);
        value = _valueAtHead(publisher, head, listNumber, index, evidence);
        version = evidence.list.version;
    }

    /// @inheritdoc IAnchorVerifier
    function checkStatusAsOf(
        address publisher,
        bytes32 root,
        bytes32 nextRoot,
        uint64 listNumber,
        uint64 index,
        StatusEvidence calldata evidence
    ) external view returns (uint8 value, uint64 version, uint64 since, uint64 until, bool isHead) {
        (since, until) = _span(publisher, root, nextRoot);
        isHead = nextRoot == 0;

        bytes32 computed;
        (value, computed) = _read(listNumber, index, evidence);
        if (computed != root) revert WrongRoot(computed, root);
        version = evidence.list.version;
    }

    /// @inheritdoc IAnchorVerifier
    function isInForce(
        address publisher,
        address anchoredBy,
        CredentialEntry calldata entry,
        CredentialProof calldata proof,
        StatusEvidence calldata revocation,
        StatusEvidence calldata suspension,
        uint64 maxStatusAge
    ) external view returns (bool inForce, uint64 anchoredAt, uint64 asOf) {
        if (entry.list == UNBOUND && entry.index == UNBOUND) revert NotBound();
        _requireInLine(anchoredBy, publisher);
        anchoredAt = _provenRecord(anchoredBy, entry, proof).timestamp;

        bytes32 head;
        (head, asOf) = _head(publisher);
        if (block.timestamp - asOf > maxStatusAge) revert StatusStale(asOf, maxStatusAge);

        bool revoked = _boundValue(publisher, head, entry, REVOCATION, revocation) != 0;
        bool suspended = _boundValue(publisher, head, entry, SUSPENSION, suspension) != 0;
        inForce = !revoked && !suspended;
    }

    /// @inheritdoc IAnchorVerifier
    function currentPublisher(address publisher) external view returns (address) {
        address next = registry.successor(publisher);
        while (next != address(0)) {
            publisher = next;
            next = registry.successor(publisher);
        }
        return publisher;
    }

    /// @dev Lines of succession neither branch nor close, so that walking along one from `anchoredBy` passes every
    ///      account that took over what it anchored, and ends.
    function _requireInLine(address anchoredBy, address publisher) private view {
        address account = anchoredBy;
        while (account != publisher) {
            account = registry.successor(account);
            if (account == address(0)) revert NotInLine(anchoredBy, publisher);
        }
    }

    /// @dev The tree's size is the record's leaf count. The root given is but the key under which to look it up.
    function _provenRecord(address publisher, CredentialEntry calldata entry, CredentialProof calldata proof)
        private
        view
        returns (IAnchorRegistry.Record memory anchored)
    {
        if (proof.leafIndex == 0) revert HeaderPosition();
        anchored = _record(publisher, proof.root);
        bytes32 credentialRoot = _rootFrom(_credentialLeaf(entry), proof.leafIndex, anchored.leafCount, proof.path);
        bytes32 computed = _node(credentialRoot, proof.statusRoot);
        if (computed != proof.root) revert WrongRoot(computed, proof.root);
    }

    /// @dev The value of the entry's place in list n (revocation) or n + 1 (suspension) of its issuer.
    function _boundValue(
        address publisher,
        bytes32 head,
        CredentialEntry calldata entry,
        uint8 purpose,
        StatusEvidence calldata evidence
    ) private view returns (uint8) {
        // No overflow goes unseen: list 2^64 - 1 exists in no tree, and the arithmetic is checked.
        uint64 listNumber = purpose == REVOCATION ? entry.list : entry.list + 1;
        ListEntry calldata list = evidence.list;
        if (list.issuerId != entry.issuerId) revert ForeignList(listNumber, list.issuerId, entry.issuerId);
        if (list.purpose != purpose) revert WrongPurpose(listNumber, purpose, list.purpose);
        return _valueAtHead(publisher, head, listNumber, entry.index, evidence);
    }

    function _valueAtHead(
        address publisher,
        bytes32 head,
        uint64 listNumber,
        uint64 index,
        StatusEvidence calldata evidence
    ) private view returns (uint8 value) {
        bytes32 root;
        (value, root) = _read(listNumber, index, evidence);
        if (root != head) {
            _record(publisher, root);
            revert Superseded(root, head);
        }
    }

    /// @dev The record must exist, and so must either that of the next sequence or the head. The former also shows
    ///      that the root is superseded.
    function _span(address publisher, bytes32 root, bytes32 nextRoot)
        private
        view
        returns (uint64 since, uint64 until)
    {
        IAnchorRegistry.Record memory anchored = _record(publisher, root);
        if (nextRoot == 0) {
            (bytes32 head,) = _head(publisher);
            if (root != head) revert Superseded(root, head);
            return (anchored.timestamp, uint64(block.timestamp));
        }
        IAnchorRegistry.Record memory next = registry.record(publisher, nextRoot);
        if (next.sequence != uint256(anchored.sequence) + 1) revert NotNextRoot(root, nextRoot);
        return (anchored.timestamp, next.timestamp);
    }

    function _record(address publisher, bytes32 root) private view returns (IAnchorRegistry.Record memory found) {
        found = registry.record(publisher, root);
        if (found.sequence == 0) revert NotAnchored(publisher, root);
    }

    function _head(address publisher) private view returns (bytes32 root, uint64 timestamp) {
        IAnchorRegistry.Record memory newest;
        (root, newest) = registry.head(publisher);
        if (root == 0) revert NoHead(publisher, registry.successor(publisher));
        timestamp = newest.timestamp;
    }

    /// @dev The status entry and the root to which its evidence leads, whoever may have anchored that root.
    function _read(uint64 listNumber, uint64 index, StatusEvidence calldata evidence)
        private
        pure
        returns (uint8 value, bytes32 root)
    {
        ListEntry calldata list = evidence.list;
        uint256 chunks = _chunkCount(list.length, list.bitsPerEntry);
        if (index >= list.length) revert IndexOutsideList(index, list.length);

        uint256 chunkIndex = uint256(index) * list.bitsPerEntry / CHUNK_BITS;
        bytes32 bitsRoot = _rootFrom(_chunkLeaf(evidence.chunk), chunkIndex, chunks, evidence.chunkPath);
        if (bitsRoot != list.bitsRoot) revert WrongBitsRoot(bitsRoot, list.bitsRoot);

        StatusSummary calldata summary = evidence.summary;
        bytes32 treeRoot = _rootFrom(_listLeaf(list), listNumber, summary.listCount, evidence.listPath);
        if (treeRoot != summary.listTreeRoot) revert WrongListTreeRoot(treeRoot, summary.listTreeRoot);

        value = _valueAt(evidence.chunk, index, list.bitsPerEntry);
        root = _node(evidence.credentialRoot, _summaryLeaf(summary));
    }

    function _chunkCount(uint64 length, uint8 bitsPerEntry) private pure returns (uint256) {
        bool fits = bitsPerEntry == 1 || bitsPerEntry == 2 || bitsPerEntry == 4 || bitsPerEntry == 8;
        uint256 bits = uint256(length) * bitsPerEntry;
        if (!fits || length == 0 || bits % CHUNK_BITS != 0) revert InvalidListSize(length, bitsPerEntry);
        return bits / CHUNK_BITS;
    }

    /// @dev Index 0 is the left-most of the bits. No entry lies across two words, as bits per entry divide 256.
    function _valueAt(bytes32[2] calldata chunk, uint256 index, uint256 bitsPerEntry) private pure returns (uint8) {
        uint256 firstBit = index * bitsPerEntry % CHUNK_BITS;
        uint256 word = uint256(chunk[firstBit / WORD_BITS]);
        uint256 value = word << (firstBit % WORD_BITS) >> (WORD_BITS - bitsPerEntry);
        return uint8(value);
    }

    /// @dev RFC 9162, section 2.1.3.2. Up to the level where the paths of this leaf and of the last one meet, each
    ///      level has a sibling, to the side that the position's bit tells; above it only those have one where
    ///      the leaf's subtree hangs on the right. The length that follows is compared before anything is hashed.
    function _rootFrom(bytes32 leaf, uint256 position, uint256 treeSize, bytes32[] calldata path)
        private
        pure
        returns (bytes32 node)
    {
        if (position >= treeSize) revert OutsideTree(position, treeSize);
        uint256 inner = _bitLength(position ^ (treeSize - 1));
        uint256 expected = inner + _bitCount(position >> inner);
        if (path.length != expected) revert WrongPathLength(position, treeSize, expected, path.length);

        node = leaf;
        for (uint256 level = 0; level < expected; ++level) {
            bool isRight = level >= inner || (position >> level) & 1 == 1;
            node = isRight ? _node(path[level], node) : _node(node, path[level]);
        }
    }

    function _bitLength(uint256 number) private pure returns (uint256 length) {
        for (; number != 0; number >>= 1) ++length;
    }

    function _bitCount(uint256 number) private pure returns (uint256 count) {
        for (; number != 0; number &= number - 1) ++count;
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(NODE, left, right));
    }

    function _credentialLeaf(CredentialEntry calldata entry) private pure returns (bytes32) {
        return sha256(
            abi.encodePacked(CREDENTIAL_LEAF, entry.issuerId, entry.method, entry.digest, entry.list, entry.index)
        );
    }

    function _listLeaf(ListEntry calldata list) private pure returns (bytes32) {
        return sha256(
            abi.encodePacked(
                LIST_LEAF,
                list.issuerId,
                list.listId,
                list.purpose,
                list.bitsPerEntry,
                list.length,
                list.version,
                list.bitsRoot
            )
        );
    }

    function _summaryLeaf(StatusSummary calldata summary) private pure returns (bytes32) {
        return sha256(abi.encodePacked(SUMMARY_LEAF, summary.listCount, summary.listTreeRoot));
    }

    function _chunkLeaf(bytes32[2] calldata chunk) private pure returns (bytes32) {
        return sha256(abi.encodePacked(CHUNK_LEAF, chunk[0], chunk[1]));
    }
}
