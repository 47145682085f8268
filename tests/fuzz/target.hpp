#pragma once

#include <algorithm>
#include <string_view>

#include "proto/bytes.hpp"

/// A fuzz target is a law that holds for any bytes: a decoder refuses them, or takes them and says
/// afterwards what it said at first; merging gives one state in any order. A broken law ends the
/// process through MAILLON_ASSERT.
namespace maillon::fuzz {

using Target = void (*)(ByteView input);

/// Makes a target known to fuzz_corpus.
class Registration {
 public:
  Registration(std::string_view name, Target target);
};

/// Bytes as choices. At the end everything is zero or empty, so that any input makes a whole story.
class Choices {
 public:
  explicit Choices(ByteView bytes) noexcept : left_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
  std::uint8_t u8() noexcept {
    if (left_.empty()) return 0;
    const std::uint8_t out = left_.front();
    left_ = left_.subspan(1);
    return out;
  }
  /// A number below `end`, which is at least 1.
  std::size_t below(std::size_t end) noexcept {
    std::size_t number = u8();
    if (end > 256) number = number << 8 | u8();
    return number % end;
  }
  /// One time in `times`.
  bool rarely(std::size_t times) noexcept { return below(times) == times - 1; }
  /// A length of two bytes, and as many as there are of it.
  ByteView some() noexcept {
    const std::size_t wanted = below(0x10000);
    const std::size_t size = std::min(wanted, left_.size());
    const ByteView out = left_.first(size);
    left_ = left_.subspan(size);
    return out;
  }
  ByteView rest() noexcept { return std::exchange(left_, {}); }

 private:
  ByteView left_;
};

[[nodiscard]] inline Bytes copied(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// What is taken in is written, read and written again alike.
template <class Decode, class Encode>
void expect_stable(ByteView input, Decode decode, Encode encode) {
  const auto first = decode(input);
  if (first.has_error()) return;
  const auto written = encode(*first);
  const auto second = decode(written);
  MAILLON_ASSERT(second.has_value(), second.error().detail);
  MAILLON_ASSERT(encode(*second) == written, "what was read is written alike");
}

}  // namespace maillon::fuzz

/// MAILLON_FUZZ_TARGET(name) { … } has `input`.
#ifdef MAILLON_LIBFUZZER
#define MAILLON_FUZZ_TARGET(name)                                                   \
  static void name##_target(::maillon::ByteView input);                             \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    name##_target({data, size});                                                    \
    return 0;                                                                       \
  }                                                                                 \
  static void name##_target(::maillon::ByteView input)
#else
#define MAILLON_FUZZ_TARGET(name)                                                       \
  static void name##_target(::maillon::ByteView input);                                 \
  static const ::maillon::fuzz::Registration name##_registration{#name, &name##_target}; \
  static void name##_target(::maillon::ByteView input)
#endif
