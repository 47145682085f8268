#pragma once

#include <memory>

#include "crypto/salts.hpp"
#include "crypto/sign.hpp"
#include "proto/codec.hpp"
#include "proto/op.hpp"

/// Commits: one signed header and one body of leaves (docs/protocol.md, "Commits").
namespace maillon::storage {

inline constexpr std::string_view kCommitDomain = "maillon/commit/v1";

[[nodiscard]] CommitId commit_id(ByteView header_bytes);
/// The id of a record imported under (source, external id); the same for everyone who imports it.
[[nodiscard]] RecordId derived_record_id(std::string_view collection, std::string_view source,
                                         std::string_view external_id);
[[nodiscard]] RecordId owned_record_id(std::string_view collection, const MemberId& owner,
                                       std::string_view key);
[[nodiscard]] RecordId random_record_id(Rng& rng);

/// `count` leaves of one state. Leaves are numbered from 1; runs cover all of them in order.
struct StateRun {
  LeafState state = LeafState::full;
  std::uint32_t count = 0;
};

/// A body taken apart. Everything in `ops` points into `raw`.
struct Body {
  Bytes raw;  ///< not compressed
  ByteView leaf0;
  LeafTable table;
  OpTable ops;
  std::vector<StateRun> runs;
  std::vector<crypto::SeedNode> seeds;  ///< over ops, numbered from 0
  Digest root = Digest::zero();         ///< what its leaves hash to

  Body() = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  Body(Body&&) = default;
  Body& operator=(Body&&) = default;
};

/// Parses a body and, unless `trusted`, hashes it. `leaves` is the header's count.
/// Errc::malformed when it breaks a rule of its form.
[[nodiscard]] Result<Body> parse_body(Bytes raw, std::uint32_t leaves, bool trusted);

/// Bodies travel and are stored as one zstd frame with its size declared.
[[nodiscard]] Bytes pack_body(ByteView raw);
/// As small as zstd can make it without taking seconds: some 1 MB/s.
[[nodiscard]] Bytes pack_body_tightly(ByteView raw);
[[nodiscard]] Result<Bytes> unpack_body(ByteView packed);

/// A commit whose form, hashes and signature have been checked. Immutable, shared between threads.
struct Commit {
  CommitId id = CommitId::zero();
  Header header;
  SignedCommit bytes;  ///< exactly as received
  Body body;
};
using CommitPtr = std::shared_ptr<const Commit>;

/// Everything that one commit shows by itself: format, root, counts, signature.
/// Errc::malformed or Errc::integrity; both are provable misbehaviour of whoever sent it.
[[nodiscard]] Result<CommitPtr> verify_commit(SignedCommit bytes);
/// The same commit read back from our own store, whose bytes were checked when they came in.
[[nodiscard]] Result<CommitPtr> load_commit(SignedCommit bytes);

/// Collects ops and seals them. One draft is one commit.
class CommitDraft {
 public:
  /// Index of a commit for use in dots, added to leaf 0 when new.
  [[nodiscard]] std::uint32_t index_of(const CommitId& id);
  [[nodiscard]] std::uint32_t index_of(const MemberId& id);
  void set_reissues(const CommitId& id);

  /// Adds the op as next leaf and gives its number. `table` holds the op's variable parts.
  std::uint32_t add(const OpTable& table, const Op& op);
  [[nodiscard]] std::uint32_t ops() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  /// An upper bound of the body's size if sealed now.
  [[nodiscard]] std::size_t size_bound() const noexcept;
  /// Room for so many more ops, of about `bytes` together?
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t ops = 1) const noexcept;

  /// Completes `header` (root, leaves, sizes; totals grow from `before_ops`, `before_bytes`), signs,
  /// packs. Errc::full when a limit of commits is exceeded.
  [[nodiscard]] Result<CommitPtr> seal(Header header, std::uint64_t before_ops,
                                       std::uint64_t before_bytes, const crypto::SigningKey& key,
                                       Rng& rng) const;

 private:
  struct Entry {
    std::size_t skeleton_at, skeleton_size, id_at, payload_at, payload_size;
    bool omit_id;
  };
  [[nodiscard]] Bytes raw_body(const crypto::Seed& seed) const;

  LeafTable table_;
  std::vector<Entry> entries_;
  Bytes skeletons_;
  Bytes payloads_;
};

/// What a node still wants to keep of a body's leaves.
struct LeafCut {
  std::uint32_t leaf = 0;  ///< from 1
  LeafState to = LeafState::bare;
};
/// The body without the payloads (bare) or the leaves (gone) named, packed anew; its root is the
/// same. `cuts` ascend. Cut leaves' salts can no longer be computed from the result.
[[nodiscard]] Result<Bytes> cut_body(ByteView packed, std::uint32_t leaves,
                                     std::span<const LeafCut> cuts);

/// A body that is seldom read any more.
struct RestingBody {
  Bytes packed;
  bool is_cut = false;
};
enum class Resting : std::uint8_t {
  whole_or_cut,  ///< whichever is smaller: a payload's place takes its hash, its neighbours more seeds
  cut_if_smaller,  ///< it was packed by this before
  cut,
};
/// The body as small as it can be, with or without what `cuts` names. Nothing where it is as small
/// already.
[[nodiscard]] Result<std::optional<RestingBody>> resting_body(ByteView packed, std::uint32_t leaves,
                                                              std::span<const LeafCut> cuts,
                                                              Resting how);

}  // namespace maillon::storage
