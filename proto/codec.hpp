#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/hlc.hpp"
#include "proto/ids.hpp"

/// Protobuf behind plain structs: nothing else includes a generated header. Decoders are bounded and
/// judge hostile bytes; what is signed is decoded for reading only, never encoded again.
namespace maillon {

/// A commit's header (docs/protocol.md, "Headers").
struct Header {
  std::uint32_t version = 1;
  FederationId federation = FederationId::zero();  ///< zero in the genesis
  SpaceId space = SpaceId::zero();
  MemberId member = MemberId::zero();
  NodeId node = NodeId::zero();
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;
  std::optional<CommitId> previous;
  Hlc hlc;
  std::vector<CommitId> deps;
  std::optional<CommitId> reissues;
  Digest root = Digest::zero();
  std::uint32_t leaves = 0;
  std::uint32_t body_size = 0;
  std::uint64_t total_ops = 0;
  std::uint64_t total_bytes = 0;
  std::vector<CommitId> annuaire_heads;

  [[nodiscard]] FeedKey feed() const { return {space, node, incarnation}; }
};
[[nodiscard]] Bytes encode_header(const Header& header);
/// Checks all that a header alone can show: sizes, order of deps, first and later commits of a feed.
[[nodiscard]] Result<Header> decode_header(ByteView bytes);

/// A commit as it travels and is stored: three byte strings that nobody rewrites.
struct SignedCommit {
  Bytes header;
  Bytes signature;  ///< 64 bytes
  Bytes body;       ///< zstd, empty for a commit without leaves
};

// Governance (governance.proto).
enum class Role : std::uint32_t { cooperative = 1, hub = 2 };

struct SpaceDeclaration {
  std::optional<FederationId> federation;
  Bytes nonce;
  std::string name;
  std::vector<std::string> readers;
  std::vector<std::string> writers;
  std::vector<MemberId> keepers;
};
struct Charter {
  std::string name;
  std::uint32_t quorum = 1;  ///< 0: majority
  std::vector<MemberId> delegates;
  std::uint32_t settlement_days = 400;
  std::uint32_t secrecy_threshold = 11;
  std::uint64_t feed_ops_max = 0;
  std::uint64_t feed_bytes_max = 0;
};
struct Admission {
  Bytes certificate;
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  std::optional<Digest> invitation;
  std::vector<Bytes> spaces;  ///< encoded declarations: their hashes are the spaces' ids
};
struct Genesis {
  Charter charter;
  Admission creator;
  std::optional<FederationId> refounds;
};
struct Proposal {
  std::optional<Admission> admit;
  std::optional<Bytes> space;
};
struct Vote {
  std::optional<CommitId> commit;  ///< of the proposal; none: the vote's own commit
  std::uint32_t leaf = 0;
};
struct Address {
  std::vector<std::string> urls;
};
[[nodiscard]] Bytes encode(const SpaceDeclaration& message);
[[nodiscard]] Bytes encode(const Genesis& message);
[[nodiscard]] Bytes encode(const Proposal& message);
[[nodiscard]] Bytes encode(const Vote& message);
[[nodiscard]] Bytes encode(const Address& message);
[[nodiscard]] Result<SpaceDeclaration> decode_space(ByteView bytes);
[[nodiscard]] Result<Genesis> decode_genesis(ByteView bytes);
[[nodiscard]] Result<Proposal> decode_proposal(ByteView bytes);
[[nodiscard]] Result<Vote> decode_vote(ByteView bytes);
[[nodiscard]] Result<Address> decode_address(ByteView bytes);

// The wire (sync.proto). Each message is one kind byte, then protobuf.
struct SpaceState {
  SpaceId space = SpaceId::zero();
  Digest frontier = Digest::zero();
  std::optional<Digest> remembered;
};
struct Hello {
  std::uint32_t version = 1;
  std::string software;
  std::uint64_t clock_ms = 0;
  std::vector<SpaceState> spaces;
  std::vector<std::string> urls;
};
struct Tip {
  NodeId node = NodeId::zero();
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;
  CommitId commit = CommitId::zero();
  friend auto operator<=>(const Tip&, const Tip&) noexcept = default;
};
struct Tips {
  SpaceId space = SpaceId::zero();
  std::optional<Digest> since;
  std::vector<Tip> tips;
};
struct Want {
  SpaceId space = SpaceId::zero();
  Tip tip;
  std::vector<Tip> have;
};
struct WireCommit {
  Bytes header;
  Bytes header_delta;
  Bytes signature;
  Bytes body;
  std::uint32_t base = 0;
};
struct Commits {
  std::vector<WireCommit> commits;
};
struct Frontier {
  SpaceId space = SpaceId::zero();
  Digest frontier = Digest::zero();
  std::uint64_t received_bytes = 0;
  bool reply = false;
};
struct JoinRequest {
  Bytes token;
  std::string name;
  Role role = Role::cooperative;
  std::string region;
};
enum class JoinStatus : std::uint32_t { admitted = 1, pending = 2, refused = 3 };
struct JoinReply {
  JoinStatus status = JoinStatus::refused;
  std::string reason;
  std::string federation_name;
  SpaceId annuaire = SpaceId::zero();
};

enum class MessageKind : std::uint8_t {
  hello = 1,
  tips = 2,
  want = 3,
  commits = 4,
  frontier = 5,
  join_request = 6,
  join_reply = 7,
};
[[nodiscard]] Result<MessageKind> kind_of(ByteView message);
[[nodiscard]] Bytes encode(const Hello& message);
[[nodiscard]] Bytes encode(const Tips& message);
[[nodiscard]] Bytes encode(const Want& message);
[[nodiscard]] Bytes encode(const Commits& message);
[[nodiscard]] Bytes encode(const Frontier& message);
[[nodiscard]] Bytes encode(const JoinRequest& message);
[[nodiscard]] Bytes encode(const JoinReply& message);
[[nodiscard]] Result<Hello> decode_hello(ByteView message);
[[nodiscard]] Result<Tips> decode_tips(ByteView message);
[[nodiscard]] Result<Want> decode_want(ByteView message);
[[nodiscard]] Result<Commits> decode_commits(ByteView message);
[[nodiscard]] Result<Frontier> decode_frontier(ByteView message);
[[nodiscard]] Result<JoinRequest> decode_join_request(ByteView message);
[[nodiscard]] Result<JoinReply> decode_join_reply(ByteView message);

}  // namespace maillon
