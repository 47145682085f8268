#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/governance.hpp"
#include "proto/hlc.hpp"

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
  std::optional<Digest> held = {};  ///< hash of the commits that wait for their time
  /// The newest commits of feeds, new since the last announcement, where the sender does not push.
  std::vector<CommitId> announced = {};
};
struct Push {
  SpaceId space = SpaceId::zero();
  bool wanted = false;
};
struct JoinRequest {
  Bytes token;
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  bool recovered = false;  ///< made from 24 words: as a node of their member, or not at all
};
/// How far an admission has come, for a newcomer, who cannot read that yet. Names are members'.
struct JoinVotes {
  std::string proposal;  ///< as people call it
  std::uint32_t votes = 0;
  std::uint32_t needed = 0;
  std::vector<std::string> voted = {};
  std::vector<std::string> missing = {};  ///< who may still vote
};
enum class JoinStatus : std::uint32_t { admitted = 1, pending = 2, refused = 3 };
struct JoinReply {
  JoinStatus status = JoinStatus::refused;
  std::string reason;
  std::string federation_name;
  SpaceId annuaire = SpaceId::zero();
  JoinVotes votes = {};  ///< when pending; of the decision that replaced a root key, who voted
  UnixMillis decided{};  ///< when that was proposed
};

enum class MessageKind : std::uint8_t {
  hello = 1,
  tips = 2,
  want = 3,
  commits = 4,
  frontier = 5,
  join_request = 6,
  join_reply = 7,
  push = 8,
};
[[nodiscard]] Result<MessageKind> kind_of(ByteView message);
[[nodiscard]] Bytes encode(const Hello& message);
[[nodiscard]] Bytes encode(const Tips& message);
[[nodiscard]] Bytes encode(const Want& message);
[[nodiscard]] Bytes encode(const Commits& message);
[[nodiscard]] Bytes encode(const Frontier& message);
[[nodiscard]] Bytes encode(const Push& message);
[[nodiscard]] Bytes encode(const JoinRequest& message);
[[nodiscard]] Bytes encode(const JoinReply& message);
[[nodiscard]] Result<Hello> decode_hello(ByteView message);
[[nodiscard]] Result<Tips> decode_tips(ByteView message);
[[nodiscard]] Result<Want> decode_want(ByteView message);
[[nodiscard]] Result<Commits> decode_commits(ByteView message);
[[nodiscard]] Result<Frontier> decode_frontier(ByteView message);
[[nodiscard]] Result<Push> decode_push(ByteView message);
[[nodiscard]] Result<JoinRequest> decode_join_request(ByteView message);
[[nodiscard]] Result<JoinReply> decode_join_reply(ByteView message);

}  // namespace maillon
