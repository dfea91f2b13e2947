// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "./IAnchorRegistry.sol";

/// @title  AnchorVerifier: what an anchored credential is worth, for contracts that rely on it
/// @notice Checks that a credential's entry lies under a root in an {IAnchorRegistry}, and what a status list anchored
///         there says at an index. Nothing is stored and nobody owns it: every function is a view, which answers or
///         reverts with the one error that says why not. Whoever cannot show good evidence gets no answer.
///
/// @dev    How a root is made, with H = SHA-256, integers big-endian, and trees as in RFC 9162, section 2.1:
///         - root            = H(0x01 ‖ credential root ‖ status root)
///         - credential root : tree over the batch header (leaf 0) and the batch's credential entries
///         - status root     = H(0x00 ‖ 01 04 ‖ number of lists u64 ‖ list tree root)
///         - list tree root  : tree over the entries of all the publisher's lists, list n at position n
///         - bits root       : tree over a list's bits, 64 bytes a leaf: H(0x00 ‖ 01 03 ‖ 64 bytes)
///         No tree's size is the prover's choice, or one root could hold two entries at one position: the first comes
///         from the registry's record, the second from the summary, the third from the list's entry.
///
///         The registry is fixed at construction, where its code is compared with the one that AnchorRegistry has, so
///         that nobody can pass off another contract for it. The address of the registry stands in the deployed code:
///         the code is that of the compiled artifact with the address written into the places that the artifact names,
///         and its hash follows from the address alone.
///
///         Hazards for whoever builds on this contract:
///         - *Who may speak is your decision.* Anyone can anchor anything under its own address, under any issuer's
///           id. Hold the publisher yourself; never take it from whoever brings the proof.
///         - *Compare the entry.* Its `issuerId` must be that of an issuer you accept: another issuer can anchor a
///           revoked credential once more. Its `method` must be the one by which you took the digest.
///         - An entry names a digest, no person. That a caller knows it does not make the caller its holder.
///         - A credential's signature, its dates and a `credentialStatus` written inside it are not seen from here:
///           only the status that is bound into its entry.
///         - {checkStatus} says what a list says. Which list and index concern a credential is told by its entry
///           ({isInForce} sees to that) or by the credential; what a value means, by the list's purpose.
///         - Status is as of the head's time. A change takes until its anchor to be seen, and a publisher that has
///           gone silent has a head for ever: set a limit to the age.
///         - Times are `block.timestamp`, which proposers and sequencers choose within their chain's rules.
interface IAnchorVerifier {
    /// @notice An entry that says: this issuer submitted this digest, bound to this place in a status list.
    /// @param issuerId SHA-256 of the issuer's identifier in UTF-8.
    /// @param method   How the digest was taken: 1 jcs, 2 jwt, 3 sd-jwt, 4 raw; 0x80 is added where it is salted.
    /// @param digest   SHA-256 of the credential, or the salted digest.
    /// @param list     The number n of the revocation list; list n + 1 is the suspension list of the pair.
    /// @param index    The place in both lists. List and index are both 2^64 - 1 where nothing is bound.
    struct CredentialEntry {
        bytes32 issuerId;
        uint8 method;
        bytes32 digest;
        uint64 list;
        uint64 index;
    }

    /// @notice Leads from a credential's entry to a root.
    /// @param root       The root under which the credential stands; its record tells the size of the tree.
    /// @param leafIndex  The entry's position in the credential tree: 1 or more, since leaf 0 is the batch header.
    /// @param path       The inclusion path to the credential root, lowest sibling first; not the step to the root.
    /// @param statusRoot The other half of the root.
    struct CredentialProof {
        bytes32 root;
        uint64 leafIndex;
        bytes32[] path;
        bytes32 statusRoot;
    }

    /// @notice The state of one status list.
    /// @param issuerId     SHA-256 of the identifier of the list's issuer in UTF-8.
    /// @param listId       SHA-256 of the list's URL.
    /// @param purpose      1 revocation, 2 suspension, 3 refresh, 4 message.
    /// @param bitsPerEntry 1, 2, 4 or 8.
    /// @param length       The number of entries; with their bits a whole number of 512-bit chunks.
    /// @param version      From when this state holds by the issuer's clock, in Unix milliseconds.
    /// @param bitsRoot     The root of the tree over the list's bits.
    struct ListEntry {
        bytes32 issuerId;
        bytes32 listId;
        uint8 purpose;
        uint8 bitsPerEntry;
        uint64 length;
        uint64 version;
        bytes32 bitsRoot;
    }

    /// @notice What a root says of all the publisher's lists.
    /// @param listCount    The number of lists.
    /// @param listTreeRoot The root of the tree over their entries.
    struct StatusSummary {
        uint64 listCount;
        bytes32 listTreeRoot;
    }

    /// @notice Leads from 64 bytes of a status list to a root.
    /// @param list           The list's entry.
    /// @param listPath       The inclusion path from the list's entry to the list tree root.
    /// @param summary        The summary of all lists.
    /// @param credentialRoot The other half of the root.
    /// @param chunk          The 64 bytes that hold the status entry asked for.
    /// @param chunkPath      The inclusion path from the chunk to the list's bits root.
    struct StatusEvidence {
        ListEntry list;
        bytes32[] listPath;
        StatusSummary summary;
        bytes32 credentialRoot;
        bytes32[2] chunk;
        bytes32[] chunkPath;
    }

    /// @notice The contract at the address given at construction is no AnchorRegistry.
    /// @param account  The address.
    /// @param codeHash The hash of the code that stands there.
    error NotARegistry(address account, bytes32 codeHash);

    /// @notice The publisher never anchored this root.
    /// @param publisher The publisher.
    /// @param root      The root: the one given, or the one to which the evidence leads.
    error NotAnchored(address publisher, bytes32 root);

    /// @notice The publisher has no head, so there is no status now.
    /// @param publisher The publisher.
    /// @param successor The account that succeeded it; zero where the publisher never anchored.
    error NoHead(address publisher, address successor);

    /// @notice The evidence leads to a root of the publisher's that is its head no more.
    /// @param root The root.
    /// @param head The publisher's head.
    error Superseded(bytes32 root, bytes32 head);

    /// @notice The root given as the next one is not the publisher's anchor right after the root.
    /// @param root     The root.
    /// @param nextRoot The root given as the next one.
    error NotNextRoot(bytes32 root, bytes32 nextRoot);

    /// @notice Leaf 0 of every credential tree is the batch header: no credential stands there.
    error HeaderPosition();

    /// @notice The tree has no such position.
    /// @param position The position.
    /// @param treeSize The tree's size, as authenticated.
    error OutsideTree(uint256 position, uint256 treeSize);

    /// @notice The path is shorter or longer than the one of this position in a tree of this size.
    /// @param position The position.
    /// @param treeSize The tree's size, as authenticated.
    /// @param expected The number of hashes in such a path.
    /// @param actual   The number of hashes given.
    error WrongPathLength(uint256 position, uint256 treeSize, uint256 expected, uint256 actual);

    /// @notice Entry, path and the other half of the root do not lead to the root.
    /// @param computed The root to which they lead.
    /// @param root     The root given.
    error WrongRoot(bytes32 computed, bytes32 root);

    /// @notice The list's entry does not stand at this place in the list tree.
    /// @param computed The root to which entry and path lead.
    /// @param expected The list tree root in the summary.
    error WrongListTreeRoot(bytes32 computed, bytes32 expected);

    /// @notice The chunk does not stand at the index's place in the list's bits.
    /// @param computed The root to which chunk and path lead.
    /// @param expected The bits root in the list's entry.
    error WrongBitsRoot(bytes32 computed, bytes32 expected);

    /// @notice There is no list of this size: bits per entry are 1, 2, 4 or 8, chunks a whole number and not 0.
    /// @param length       The number of entries.
    /// @param bitsPerEntry The bits of each.
    error InvalidListSize(uint64 length, uint8 bitsPerEntry);

    /// @notice The list has no such index.
    /// @param index  The index.
    /// @param length The number of the list's entries.
    error IndexOutsideList(uint64 index, uint64 length);

    /// @notice The credential's entry binds no status, so the chain does not tell whether it is in force.
    error NotBound();

    /// @notice The credential is bound to a list of another issuer, who could keep it clean.
    /// @param listNumber The list's number.
    /// @param listIssuer The issuer id in the list's entry.
    /// @param issuerId   The issuer id in the credential's entry.
    error ForeignList(uint64 listNumber, bytes32 listIssuer, bytes32 issuerId);

    /// @notice The credential is bound to a list that is not of the purpose which its number in the pair demands.
    /// @param listNumber The list's number.
    /// @param expected   The purpose demanded: 1 revocation, 2 suspension.
    /// @param actual     The purpose in the list's entry.
    error WrongPurpose(uint64 listNumber, uint8 expected, uint8 actual);

    /// @notice The publisher neither anchored the credential itself nor, in one or more steps, succeeded who did.
    /// @param anchoredBy The account under which the credential stands.
    /// @param publisher  The publisher whose status counts.
    error NotInLine(address anchoredBy, address publisher);

    /// @notice The head is older than allowed, so it does not speak for the present.
    /// @param timestamp    The head's time.
    /// @param maxStatusAge The age allowed, in seconds.
    error StatusStale(uint64 timestamp, uint64 maxStatusAge);

    /// @notice The registry on which every answer rests.
    /// @return The address given at construction.
    function registry() external view returns (IAnchorRegistry);

    /// @notice Check that a publisher anchored a credential's entry, and tell when.
    /// @dev    Reverts with {HeaderPosition}, {NotAnchored}, {OutsideTree}, {WrongPathLength} or {WrongRoot}, in this
    ///         order. A succeeded publisher's records keep standing: what it anchored stays anchored.
    /// @param publisher The account that anchored; your decision, not the prover's.
    /// @param entry     The entry.
    /// @param proof     What leads from the entry to a root.
    /// @return sequence  The number of the batch.
    /// @return timestamp The time of its anchor: the credential existed by then.
    function checkCredential(address publisher, CredentialEntry calldata entry, CredentialProof calldata proof)
        external
        view
        returns (uint64 sequence, uint64 timestamp);

    /// @notice Read a status entry as of the publisher's head.
    /// @dev    Reverts with {NoHead}, {InvalidListSize}, {IndexOutsideList}, {WrongPathLength} or {WrongBitsRoot} for
    ///         the chunk, {OutsideTree}, {WrongPathLength} or {WrongListTreeRoot} for the list, {Superseded} or
    ///         {NotAnchored} for the root, in this order. Issuer, URL and purpose of the list are proven by the answer,
    ///         but whether they are those you meant is for you to compare.
    /// @param publisher  The account whose head counts; your decision, not the prover's.
    /// @param listNumber The list's number, as the credential or its entry names it.
    /// @param index      The index in the list.
    /// @param evidence   What leads from the list's bits to the head.
    /// @return value     The status entry; 0 where nothing is said against the credential.
    /// @return version   The version of the list.
    /// @return timestamp The head's time.
    function checkStatus(address publisher, uint64 listNumber, uint64 index, StatusEvidence calldata evidence)
        external
        view
        returns (uint8 value, uint64 version, uint64 timestamp);

    /// @notice Read a status entry as of any root of the publisher's, and tell for which time it speaks.
    /// @dev    It spoke at t where `since` ≤ t < `until`. For a superseded root, `until` is the time of the next root,
    ///         which must be shown; for the head it is this block's time, so that what is said of the past never
    ///         changes. Of two roots in one block the first spoke at no time.
    ///         Reverts with {NotAnchored}; {NotNextRoot} where a next root is given, {NoHead} or {Superseded} where
    ///         none is; and then as {checkStatus} does, but with {WrongRoot} for the root.
    ///         A succeeded publisher's last root stands under its successor too: there its next root is found.
    /// @param publisher  The account that anchored; your decision, not the prover's.
    /// @param root       The root as of which to read.
    /// @param nextRoot   The publisher's anchor right after the root; zero where the root is the head.
    /// @param listNumber The list's number.
    /// @param index      The index in the list.
    /// @param evidence   What leads from the list's bits to the root.
    /// @return value   The status entry.
    /// @return version The version of the list.
    /// @return since   The root's time.
    /// @return until   The first second of which this evidence says nothing.
    /// @return isHead  Whether the root is the publisher's head.
    function checkStatusAsOf(
        address publisher,
        bytes32 root,
        bytes32 nextRoot,
        uint64 listNumber,
        uint64 index,
        StatusEvidence calldata evidence
    ) external view returns (uint8 value, uint64 version, uint64 since, uint64 until, bool isHead);

    /// @notice Check a credential and the status bound into its entry, and tell whether it is neither revoked nor
    ///         suspended.
    /// @dev    The lists are those to which the entry is bound, and must be its issuer's own, one of each purpose.
    ///         Reverts with {NotBound}; {NotInLine}; as {checkCredential} does; {NoHead}; {StatusStale}; and for each
    ///         list with {ForeignList}, {WrongPurpose} and as {checkStatus} does.
    ///         Compare the entry's issuer, method and digest: nothing is in force here but the entry itself.
    /// @param publisher    The account whose head counts; your decision, not the prover's.
    /// @param anchoredBy   The account under which the credential stands: the publisher, or one before it in its line
    ///                     of succession. May come from the prover, as the line is checked; whoever does not
    ///                     rely on all that the predecessors anchored passes the publisher itself.
    /// @param entry        The credential's entry.
    /// @param proof        What leads from the entry to a root of `anchoredBy`.
    /// @param revocation   What leads from the entry's place in list n to the publisher's head.
    /// @param suspension   The same for list n + 1.
    /// @param maxStatusAge The age in seconds that the head may have.
    /// @return inForce    Whether both status entries are 0.
    /// @return anchoredAt When the credential was anchored.
    /// @return asOf       The head's time.
    function isInForce(
        address publisher,
        address anchoredBy,
        CredentialEntry calldata entry,
        CredentialProof calldata proof,
        StatusEvidence calldata revocation,
        StatusEvidence calldata suspension,
        uint64 maxStatusAge
    ) external view returns (bool inForce, uint64 anchoredAt, uint64 asOf);

    /// @notice The account at the end of a publisher's line of succession, for whoever chooses to follow it.
    /// @dev    Following means to trust whomever the publisher and its successors appointed. Without it, a contract
    ///         that holds a publisher for good reads no status any more once that publisher has been succeeded.
    /// @param publisher The publisher.
    /// @return The account that was not succeeded: the publisher itself, or its last successor.
    function currentPublisher(address publisher) external view returns (address);
}
