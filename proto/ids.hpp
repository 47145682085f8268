#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>

#include "proto/bytes.hpp"

namespace maillon {

/// N opaque bytes belonging to one Tag. No default id: "none" is std::optional, and the all-zero
/// id is asked for by name.
template <class Tag, std::size_t N>
class ByteId {
 public:
  static constexpr std::size_t kSize = N;

  [[nodiscard]] static constexpr ByteId zero() noexcept { return ByteId{}; }
  [[nodiscard]] static Result<ByteId> from_bytes(ByteView raw) {
    if (raw.size() != N) return Error{Errc::malformed, "id: wrong length"};
    ByteId id;
    std::ranges::copy(raw, id.bytes_.begin());
    return id;
  }
  [[nodiscard]] static constexpr ByteId from_array(const std::array<std::uint8_t, N>& raw) noexcept {
    ByteId id;
    id.bytes_ = raw;
    return id;
  }
  [[nodiscard]] static Result<ByteId> from_hex(std::string_view text) {
    MAILLON_TRY(const Bytes raw, maillon::from_hex(text));
    return from_bytes(raw);
  }

  [[nodiscard]] std::span<const std::uint8_t, N> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string hex() const { return to_hex(bytes_); }
  [[nodiscard]] bool is_zero() const noexcept { return *this == zero(); }
  friend constexpr auto operator<=>(const ByteId&, const ByteId&) noexcept = default;

 private:
  constexpr ByteId() noexcept = default;
  std::array<std::uint8_t, N> bytes_{};
};

using CommitId = ByteId<struct CommitIdTag, 32>;          ///< BLAKE2b-256 of a header's bytes
using NodeId = ByteId<struct NodeIdTag, 32>;              ///< a node's Ed25519 public key
using MemberId = ByteId<struct MemberIdTag, 32>;          ///< a member's Ed25519 root public key
using FederationId = ByteId<struct FederationIdTag, 32>;  ///< commit id of the genesis
using SpaceId = ByteId<struct SpaceIdTag, 32>;            ///< hash of a space's declaration
using RecordId = ByteId<struct RecordIdTag, 16>;
using Digest = ByteId<struct DigestTag, 32>;              ///< any other BLAKE2b-256 value

/// Ids are hashes or keys, so their first bytes are already well spread.
struct IdHash {
  template <class Tag, std::size_t N>
  std::size_t operator()(const ByteId<Tag, N>& id) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, id.bytes().data(), sizeof out);
    return out;
  }
};

/// Names a feed: who writes, which life of its data folder, in which space.
struct FeedKey {
  SpaceId space;
  NodeId node;
  std::uint64_t incarnation = 0;
  friend auto operator<=>(const FeedKey&, const FeedKey&) noexcept = default;
};

/// The last commit of a feed, or of one branch of a forked one.
struct Tip {
  NodeId node = NodeId::zero();
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;
  CommitId commit = CommitId::zero();
  friend auto operator<=>(const Tip&, const Tip&) noexcept = default;
};

}  // namespace maillon
