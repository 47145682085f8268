#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/ids.hpp"

/// What the ops of `annuaire` say (governance.proto), as plain structs. Decoders are bounded and
/// judge hostile bytes.
namespace maillon {

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
  std::uint64_t feed_ops_max = 0;    ///< 0: none
  std::uint64_t feed_bytes_max = 0;  ///< 0: none
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
  std::vector<FederationId> before = {};  ///< those that `refounds` continued itself, the latest first
};

/// A commit up to which, with all it depends on, a member's work in a space still counts.
struct CutOff {
  SpaceId space = SpaceId::zero();
  CommitId commit = CommitId::zero();
  friend auto operator<=>(const CutOff&, const CutOff&) noexcept = default;
};
struct Removal {
  MemberId member = MemberId::zero();
};
struct DelegateChange {
  MemberId member = MemberId::zero();
  bool drop = false;
};
struct CharterChange {
  std::string key;
  std::string value;
};
struct AccessChange {
  SpaceId space = SpaceId::zero();
  std::vector<std::string> readers;
  std::vector<std::string> writers;
  bool narrow = false;
};
struct RootKeyChange {
  MemberId member = MemberId::zero();
  MemberId key =
      MemberId::zero();  ///< an Ed25519 root key, in the form of the id that it would name
};
struct Succession {
  MemberId member = MemberId::zero();
  MemberId heir = MemberId::zero();
};
struct Tellers {
  std::string region;
  std::string from_period;
  std::vector<MemberId> members;
  std::uint32_t threshold = 0;
};
/// Part of a feed: its numbers `first` to `last`.
struct FeedRange {
  NodeId node = NodeId::zero();
  std::uint64_t incarnation = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend auto operator<=>(const FeedRange&, const FeedRange&) noexcept = default;
};
/// What everybody has by now, in one space (docs/trust.md, "Checkpoints").
struct Checkpoint {
  SpaceId space = SpaceId::zero();
  std::vector<CommitId> settled;  ///< on which no other settled commit stands, ascending
  std::vector<Tip> seen;          ///< what its author had, ascending
  std::vector<FeedRange> without_effect;  ///< settled, but void, ascending
};
/// Exactly one of the decisions; with none, it is of a kind not known here.
struct Proposal {
  std::optional<Admission> admit = {};
  std::optional<Bytes> space = {};
  std::optional<Removal> remove = {};
  std::optional<DelegateChange> delegate = {};
  std::optional<CharterChange> charter = {};
  std::optional<AccessChange> access = {};
  std::optional<RootKeyChange> root_key = {};
  std::optional<Succession> succession = {};
  std::optional<Tellers> tellers = {};
  std::optional<Checkpoint> checkpoint = {};
  std::vector<CutOff> cut = {};
};
struct Vote {
  std::optional<CommitId> commit = {};  ///< of the proposal; none: the vote's own commit
  std::uint32_t leaf = 0;
  std::vector<CutOff> cut = {};
};
struct Revocation {
  NodeId node = NodeId::zero();
  MemberId root = MemberId::zero();
  std::vector<CutOff> cut;
  Bytes signature;  ///< 64 bytes
};
struct Address {
  std::vector<std::string> urls;
};
struct SignedHeader {
  Bytes header;
  Bytes signature;
};
struct Evidence {
  std::vector<SignedHeader> headers;
};

/// What a member says of what another asked to erase.
struct ErasureWord {
  CommitId commit = CommitId::zero();  ///< that asks
  bool lift = false;                   ///< else: erase
};
/// That a node has destroyed what these commits ask for.
struct ErasureReceipt {
  struct Done {
    CommitId commit = CommitId::zero();
    std::uint32_t leaves = 0;  ///< how many payloads, so far
  };
  std::vector<Done> done;  ///< ascending by commit
};

[[nodiscard]] Bytes encode(const SpaceDeclaration& message);
[[nodiscard]] Bytes encode(const Genesis& message);
[[nodiscard]] Bytes encode(const Proposal& message);
[[nodiscard]] Bytes encode(const Vote& message);
[[nodiscard]] Bytes encode(const Revocation& message);
[[nodiscard]] Bytes encode(const Address& message);
[[nodiscard]] Bytes encode(const Evidence& message);
[[nodiscard]] Bytes encode(const ErasureWord& message);
[[nodiscard]] Bytes encode(const ErasureReceipt& message);
[[nodiscard]] Result<SpaceDeclaration> decode_space(ByteView bytes);
[[nodiscard]] Result<Genesis> decode_genesis(ByteView bytes);
[[nodiscard]] Result<Proposal> decode_proposal(ByteView bytes);
[[nodiscard]] Result<Vote> decode_vote(ByteView bytes);
[[nodiscard]] Result<Revocation> decode_revocation(ByteView bytes);
[[nodiscard]] Result<Address> decode_address(ByteView bytes);
[[nodiscard]] Result<Evidence> decode_evidence(ByteView bytes);
[[nodiscard]] Result<ErasureWord> decode_erasure_word(ByteView bytes);
[[nodiscard]] Result<ErasureReceipt> decode_erasure_receipt(ByteView bytes);

}  // namespace maillon
