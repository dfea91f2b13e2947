// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./IAnchorRegistry.sol";

/// @title  AnchorRegistry
/// @notice See {IAnchorRegistry}, which documents everything that can be called.
/// @dev    A publisher that has been succeeded is told from the others by its record of the zero root, a key that no
///         anchor can write: its head goes back to zero, and the record there gets the highest sequence there is. An
///         anchor therefore needs no look-up of the successor: reading the head's sequence, as it must anyway, finds
///         a number with no next one.
contract AnchorRegistry is IAnchorRegistry {
    /// @dev `appointed` is the account appointed, and from acceptance on, when it cannot change any more, the successor.
    struct Publisher {
        bytes32 head;
        mapping(bytes32 root => Record) records;
        address appointed;
        address predecessor;
        bytes32 lastRoot;
    }

    mapping(address account => Publisher) private _publishers;

    /// @inheritdoc IAnchorRegistry
    function anchor(uint64 expectedSequence, bytes32 root, uint64 leafCount) external {
        if (root == 0) revert ZeroRoot();
        if (leafCount == 0) revert ZeroLeafCount();

        Publisher storage publisher = _publishers[msg.sender];
        uint64 lastSequence = publisher.records[publisher.head].sequence;
        // In 256 bits the number after the highest sequence exists, and no expectedSequence equals it.
        if (expectedSequence != uint256(lastSequence) + 1) {
            _requireNotSucceeded(msg.sender);
            revert WrongSequence(expectedSequence, lastSequence + 1);
        }

        Record storage slot = publisher.records[root];
        if (slot.sequence != 0) revert RootAlreadyAnchored(root, slot.sequence);

        publisher.records[root] = Record({
            sequence: expectedSequence,
            timestamp: uint64(block.timestamp),
            blockNumber: uint64(block.number),
            leafCount: leafCount
        });
        publisher.head = root;
        emit Anchored(msg.sender, expectedSequence, root, leafCount);
    }

    /// @inheritdoc IAnchorRegistry
    function appointSuccessor(address account) external {
        _requireNotSucceeded(msg.sender);
        if (account == msg.sender) revert SelfAppointed(msg.sender);
        _requireNoPublisher(account);

        _publishers[msg.sender].appointed = account;
        emit SuccessorAppointed(msg.sender, account);
    }

    /// @inheritdoc IAnchorRegistry
    function acceptSuccession(address publisher) external {
        _requireNotSucceeded(publisher);
        Publisher storage old = _publishers[publisher];
        // Without the first half the zero address, should a chain ever let it call, could succeed everybody.
        if (old.appointed == address(0) || old.appointed != msg.sender) revert NotAppointed(publisher, msg.sender);
        _requireNoPublisher(msg.sender);
        bytes32 root = old.head;
        if (root == 0) revert NothingToHandOver(publisher);

        Record memory taken = old.records[root];
        Publisher storage next = _publishers[msg.sender];
        next.head = root;
        next.records[root] = taken;
        next.predecessor = publisher;

        old.head = 0;
        old.records[0].sequence = type(uint64).max;
        old.lastRoot = root;
        emit PublisherSucceeded(publisher, msg.sender, root, taken.sequence);
    }

    /// @inheritdoc IAnchorRegistry
    function record(address publisher, bytes32 root) external view returns (Record memory) {
        return _record(publisher, root);
    }

    /// @inheritdoc IAnchorRegistry
    function head(address publisher) external view returns (bytes32 root, Record memory newest) {
        root = _publishers[publisher].head;
        newest = _record(publisher, root);
    }

    /// @inheritdoc IAnchorRegistry
    function successor(address publisher) external view returns (address) {
        return _isSucceeded(publisher) ? _publishers[publisher].appointed : address(0);
    }

    /// @inheritdoc IAnchorRegistry
    function predecessor(address publisher) external view returns (address) {
        return _publishers[publisher].predecessor;
    }

    /// @inheritdoc IAnchorRegistry
    function appointedSuccessor(address publisher) external view returns (address) {
        return _isSucceeded(publisher) ? address(0) : _publishers[publisher].appointed;
    }

    /// @inheritdoc IAnchorRegistry
    function lastRoot(address publisher) external view returns (bytes32) {
        return _publishers[publisher].lastRoot;
    }

    function _requireNotSucceeded(address account) private view {
        if (_isSucceeded(account)) revert AlreadySucceeded(account, _publishers[account].appointed);
    }

    function _requireNoPublisher(address account) private view {
        if (_publishers[account].head != 0 || _isSucceeded(account)) revert AlreadyPublisher(account);
    }

    function _isSucceeded(address account) private view returns (bool) {
        return _publishers[account].records[0].sequence != 0;
    }

    /// @dev The zero root has no record for readers: what stands there only marks a succeeded publisher.
    function _record(address publisher, bytes32 root) private view returns (Record memory found) {
        if (root != 0) found = _publishers[publisher].records[root];
    }
}
