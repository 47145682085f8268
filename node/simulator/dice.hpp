#pragma once

#include <vector>

#include "crypto/sign.hpp"

namespace maillon::sim {

/// Chance from a seed, in whole numbers only, so that every compiler draws the same.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : rng_(seed) {}

  [[nodiscard]] std::uint64_t u64() { return rng_.u64(); }
  /// 0 … n-1.
  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : rng_.u64() % n; }
  /// lowest … highest, both included.
  [[nodiscard]] std::int64_t between(std::int64_t lowest, std::int64_t highest) {
    return lowest +
           static_cast<std::int64_t>(below(static_cast<std::uint64_t>(highest - lowest) + 1));
  }
  [[nodiscard]] bool chance(int per_mille) {
    return below(1000) < static_cast<std::uint64_t>(per_mille);
  }
  template <class T>
  [[nodiscard]] const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  /// The index of one of `weights`, by weight; their sum must not be 0.
  [[nodiscard]] std::size_t weighted(const std::vector<int>& weights) {
    std::uint64_t sum = 0;
    for (const int w : weights) sum += static_cast<std::uint64_t>(w);
    std::uint64_t at = below(sum);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (at < static_cast<std::uint64_t>(weights[i])) return i;
      at -= static_cast<std::uint64_t>(weights[i]);
    }
    return weights.size() - 1;
  }
  [[nodiscard]] Rng& rng() noexcept { return rng_; }

 private:
  crypto::SeededRng rng_;
};

}  // namespace maillon::sim
