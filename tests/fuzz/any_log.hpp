#pragma once

#include "storage/merge/record_state.hpp"

namespace maillon::fuzz {

/// Any log: every commit that it is asked for has an id, every name a text.
class AnyLog final : public storage::merge::Context {
 public:
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    const std::uint64_t spread = static_cast<std::uint64_t>(commit) * 0x9e37'79b9'7f4a'7c15u;
    std::array<std::uint8_t, CommitId::kSize> raw{};
    for (std::size_t i = 0; i < 8; ++i) raw[i] = static_cast<std::uint8_t>(spread >> (8 * i));
    return CommitId::from_array(raw);
  }
  [[nodiscard]] std::string_view name(std::int64_t id) const override {
    return std::string_view{"abcdefgh"}.substr(static_cast<std::uint64_t>(id) % 8, 1);
  }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override { return commit % 3; }
};

}  // namespace maillon::fuzz
