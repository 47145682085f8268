#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace maillon {

/// Where randomness comes from: the system for real nodes, a seeded stream for the simulator.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }
  [[nodiscard]] std::uint64_t u64() {
    const auto raw = bytes<8>();
    std::uint64_t value = 0;
    for (const std::uint8_t byte : raw) value = (value << 8) | byte;
    return value;
  }
};

}  // namespace maillon
