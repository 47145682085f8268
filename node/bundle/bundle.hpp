#pragma once

#include <functional>

#include "node/replica/replica.hpp"

/// Exchange by USB stick: the frames of a session, in one file (docs/protocol.md, "Bundles").
///
///     "maillon-bundle/1\n" ‖ federation (32 bytes) ‖ messages ‖ 0 ‖ BLAKE2b-256 of all before
///
/// A message is a varint length and the bytes of a sync message: first one Tips for each space,
/// then Commits with whole headers, annuaire's first, each space's in an order that respects
/// causality. The hash at the end tells a copy that was cut short or spoiled; who wrote what, the
/// commits' own signatures tell.
namespace maillon::bundle {

/// A file taken apart; views into it.
struct Parts {
  FederationId federation = FederationId::zero();
  std::vector<ByteView> messages;
};
/// Errc::malformed for what is no bundle, Errc::integrity for one that was cut short or altered.
[[nodiscard]] Result<Parts> take_apart(ByteView file);

/// Told how far the work is, from 0 to 1.
using OnProgress = std::function<void(double)>;
using Sink = std::function<Result<void>(ByteView)>;

struct Exported {
  std::uint64_t commits = 0;
  std::uint64_t bytes = 0;
};

/// Writes the commits of `spaces`, in their order, as of one snapshot of `reader`. `since` is an
/// earlier bundle of the federation: what it, or those that it came after, hold is left out.
[[nodiscard]] Result<Exported> write(replica::Reader& reader, const FederationId& federation,
                                     std::span<const SpaceId> spaces,
                                     const std::optional<Bytes>& since, const Sink& sink,
                                     const OnProgress& progress);

struct Imported {
  std::uint64_t commits = 0;   ///< in the file
  std::uint64_t applied = 0;   ///< new, and in effect
  std::uint64_t held = 0;      ///< new, dated in the future
  std::uint64_t pending = 0;   ///< new, waiting for what an earlier bundle holds
  std::uint64_t known = 0;     ///< here before
  std::uint64_t aside = 0;  ///< in doubt, and nobody vouches for them
  std::uint64_t unread = 0;    ///< of spaces that this member may not read: left out
  std::uint64_t rejected = 0;  ///< a rule says no
  std::string first_reason;    ///< of the first that was rejected
};

/// Verifies and applies a bundle. Errc::refused for another federation's, Errc::integrity for one
/// that was cut short or altered, and then nothing of it is applied.
[[nodiscard]] Result<Imported> read(replica::Replica& replica, ByteView file,
                                    const OnProgress& progress);

}  // namespace maillon::bundle
