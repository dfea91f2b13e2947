// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  AnchorRegistry: numbered roots, written by each publisher under its own address
/// @notice A publisher anchors a batch of credential digests, together with the state of all its status lists, as one
///         root. The registry keeps, for every (publisher, root), when it was anchored, under which number, and how
///         many leaves the credential tree has; and for every publisher its newest root, the head.
///
///         There is no owner, no upgrade, no pause and no fee, and the registry takes no ether. Every function that
///         writes does so under the caller's own address, so no account can block, overwrite or front-run another's
///         anchors. The one exception needs the consent of both sides: succession, by which a publisher's key is
///         changed (see {appointSuccessor} and {acceptSuccession}).
///
/// @dev    Hazards for whoever reads or builds on this contract:
///         - Anyone may anchor anything. A record proves only that this publisher anchored this root in that block;
///           which publishers count is the reader's decision, and must never be taken from the proof.
///         - What lies under a root is not checked here. The leaf count is the publisher's claim, fixed for good.
///         - Roots are unique per publisher, not overall. Two publishers may anchor the same root, and a successor may
///           anchor again what its predecessor anchored, except the root that it took over. In this project every
///           root commits to its sequence and to the root before it, so that honest roots never repeat.
///         - Status is read at the head. A succeeded publisher has no head: read its successor's. Otherwise a state
///           that can never change again would be taken for the present one.
///         - Until a block is final, records, heads and successions can be reorganised away.
///         - `block.number` and `block.timestamp` mean what the chain at hand makes of them; a sequencer or proposer
///           chooses the time within the chain's rules.
interface IAnchorRegistry {
    /// @notice What is stored for each (publisher, root), in one storage slot.
    /// @param sequence    The batch's number: 1 for a publisher's first anchor and one more for each that follows.
    ///                    0 means that there is no record.
    /// @param timestamp   `block.timestamp` of the anchor, in Unix seconds.
    /// @param blockNumber `block.number` of the anchor.
    /// @param leafCount   The size of the credential tree, its batch header included; never 0 in a record.
    struct Record {
        uint64 sequence;
        uint64 timestamp;
        uint64 blockNumber;
        uint64 leafCount;
    }

    /// @notice A publisher anchored a root, which is now its head.
    /// @param publisher The caller of {anchor}.
    /// @param sequence  The batch's number. A publisher emits each number at most once; a successor goes on where its
    ///                  predecessor stopped.
    /// @param root      The 32 bytes anchored.
    /// @param leafCount The size of the credential tree.
    event Anchored(address indexed publisher, uint64 indexed sequence, bytes32 indexed root, uint64 leafCount);

    /// @notice A publisher appointed the account that may succeed it, in place of any it appointed before.
    /// @param publisher The caller of {appointSuccessor}.
    /// @param successor The account appointed; the zero address where the appointment was withdrawn.
    event SuccessorAppointed(address indexed publisher, address indexed successor);

    /// @notice A publisher's head and sequence went over to its successor; the publisher can never anchor again.
    /// @dev    The root taken over is not anchored anew: the successor has a record of it, but no {Anchored} of its own.
    ///         Whoever rebuilds a line of roots from logs needs this event to join its parts.
    /// @param publisher The account succeeded.
    /// @param successor The caller of {acceptSuccession}, from now on a publisher.
    /// @param root      The head taken over: the publisher's last root and the successor's first.
    /// @param sequence  The sequence of that root; the successor's next anchor bears the next number.
    event PublisherSucceeded(
        address indexed publisher, address indexed successor, bytes32 indexed root, uint64 sequence
    );

    /// @notice `expectedSequence` is not the caller's next one: the transaction was sent twice, or another came first.
    /// @param expectedSequence What the caller passed.
    /// @param nextSequence     The only sequence that the caller can anchor next.
    error WrongSequence(uint64 expectedSequence, uint64 nextSequence);

    /// @notice The root is 32 zero bytes, which stand for "no root".
    error ZeroRoot();

    /// @notice The leaf count is 0, but every credential tree holds at least its batch header.
    error ZeroLeafCount();

    /// @notice The caller anchored this root before, or took it over as its predecessor's head.
    /// @param root     The root passed.
    /// @param sequence The sequence under which the caller's record of it stands.
    error RootAlreadyAnchored(bytes32 root, uint64 sequence);

    /// @notice The publisher has been succeeded: it can neither anchor, nor appoint, nor hand over once more.
    /// @param publisher The account succeeded.
    /// @param successor The account that succeeded it.
    error AlreadySucceeded(address publisher, address successor);

    /// @notice The publisher appointed itself.
    /// @param publisher The caller.
    error SelfAppointed(address publisher);

    /// @notice The account cannot become a successor, now or ever: it anchored, or succeeded a publisher, or was
    ///         succeeded.
    /// @param account The account appointed, or the caller of {acceptSuccession}.
    error AlreadyPublisher(address account);

    /// @notice The publisher has not appointed the caller, or no longer.
    /// @param publisher The publisher to be succeeded.
    /// @param account   The caller.
    error NotAppointed(address publisher, address account);

    /// @notice The publisher never anchored, so it has no head to hand over; the caller can simply anchor as itself.
    /// @param publisher The publisher to be succeeded.
    error NothingToHandOver(address publisher);

    /// @notice Anchor a root as the caller's next batch; it becomes the caller's head.
    /// @dev    Emits {Anchored}. Checked in this order, so that one call has one outcome: {ZeroRoot}, {ZeroLeafCount},
    ///         {AlreadySucceeded}, {WrongSequence}, {RootAlreadyAnchored}.
    ///         A call that was broadcast twice, or replaced and mined in both versions, anchors once: the second finds
    ///         its sequence taken.
    /// @param expectedSequence The sequence that the caller means: 1 for its first anchor, then one more each time.
    /// @param root             The root; not zero, and anchored by the caller for the first time.
    /// @param leafCount        The size of the credential tree under the root; not zero.
    function anchor(uint64 expectedSequence, bytes32 root, uint64 leafCount) external;

    /// @notice Appoint the one account that may succeed the caller; the zero address withdraws the appointment.
    /// @dev    Emits {SuccessorAppointed}. Reverts with {AlreadySucceeded}, {SelfAppointed} or {AlreadyPublisher}.
    ///         May be called before the first anchor, and again until the successor has accepted.
    ///
    ///         Appoint before it is needed: whoever has lost the key can appoint no more. Then mind that
    ///         - the account appointed may take over at any moment, without asking again: guard its key like the
    ///           publisher's own, and apart from it;
    ///         - whoever steals the publisher's key can appoint another account. Watch {SuccessorAppointed}; after a
    ///           theft the first to accept wins, so accept at once, and not through a public mempool;
    ///         - an appointment lapses silently when the account anchors for itself or succeeds another publisher;
    ///         - an address whose key nobody holds is accepted here like any other.
    /// @param account An account that never anchored and has no part in a succession, or zero.
    function appointSuccessor(address account) external;

    /// @notice Succeed a publisher that appointed the caller: take over its head and its sequence, for good.
    /// @dev    Emits {PublisherSucceeded}. Reverts with {AlreadySucceeded}, {NotAppointed}, {AlreadyPublisher} or
    ///         {NothingToHandOver}, in this order.
    ///         The record of the head is copied as it stands, with the time and block of its anchor; all records of
    ///         the publisher stay readable under the publisher. The caller's own appointment of a successor, if it
    ///         has made one, stays in force. An anchor of the publisher that is mined first moves the head: read
    ///         {head} of the caller after acceptance, not that of the publisher before.
    ///         A publisher has at most one predecessor and one successor, and no account comes up twice in a line of
    ///         succession, so that following the line always ends.
    /// @param publisher The publisher to succeed.
    function acceptSuccession(address publisher) external;

    /// @notice The record of a root under a publisher.
    /// @dev    A head taken over stands under both accounts, with equal records. Other roots of a predecessor stand
    ///         under the predecessor alone.
    /// @param publisher The publisher.
    /// @param root      The root.
    /// @return The record; all zero where this publisher has none of this root.
    function record(address publisher, bytes32 root) external view returns (Record memory);

    /// @notice The newest root of a publisher, with its record.
    /// @param publisher The publisher.
    /// @return root   The head; zero where the publisher never anchored or has been succeeded.
    /// @return newest The record of the head; all zero where there is no head.
    function head(address publisher) external view returns (bytes32 root, Record memory newest);

    /// @notice The account that succeeded a publisher.
    /// @param publisher The publisher.
    /// @return The successor; zero where the publisher has not been succeeded.
    function successor(address publisher) external view returns (address);

    /// @notice The publisher that an account succeeded.
    /// @param publisher The account.
    /// @return The predecessor; zero where the account succeeded nobody.
    function predecessor(address publisher) external view returns (address);

    /// @notice The account that may succeed a publisher by calling {acceptSuccession}.
    /// @dev    That it has become a publisher since, and therefore cannot accept, is not shown here.
    /// @param publisher The publisher.
    /// @return The account appointed; zero where there is none, or the publisher has been succeeded.
    function appointedSuccessor(address publisher) external view returns (address);

    /// @notice The root that a succeeded publisher handed over: the last head that it had.
    /// @dev    Its record is found with {record}, under the publisher and under its successor.
    /// @param publisher The publisher.
    /// @return The root; zero where the publisher has not been succeeded.
    function lastRoot(address publisher) external view returns (bytes32);
}
