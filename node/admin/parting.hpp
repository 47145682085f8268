#pragma once

#include "node/admin/words.hpp"

/// A membership that ended, and one of which only this node believes so.
namespace maillon::admin {

/// How a membership ended.
struct Parting {
  bool by_itself = false;
  UnixMillis time{};
  std::string deciders;  ///< who voted for it, by name
};
[[nodiscard]] std::optional<Parting> parting_of(const storage::Trust& trust,
                                                const MemberId& member);
/// In one sentence, without its full stop.
[[nodiscard]] std::string parting_in_words(const Parting& parting, Language language);

/// When this node's member said that it leaves under a clock that was ahead, so that the others
/// still have it as a member: what it is to do; Errc::not_allowed.
[[nodiscard]] std::optional<Error> left_ahead(replica::Replica& replica);

}  // namespace maillon::admin
