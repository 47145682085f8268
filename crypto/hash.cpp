#include "crypto/hash.hpp"

#include <sodium.h>

#include <new>

namespace maillon::crypto {
namespace {

using State = crypto_generichash_blake2b_state;

}  // namespace

Digest hash(ByteView data) noexcept {
  std::array<std::uint8_t, 32> out;
  crypto_generichash_blake2b(out.data(), out.size(), data.data(), data.size(), nullptr, 0);
  return Digest::from_array(out);
}

Hasher::Hasher() noexcept {
  static_assert(sizeof(State) == sizeof(state_) && alignof(State) <= 64);
  crypto_generichash_blake2b_init(new (state_.data()) State, nullptr, 0, 32);
}

Hasher& Hasher::update(ByteView data) noexcept {
  auto* const state = std::launder(reinterpret_cast<State*>(state_.data()));
  crypto_generichash_blake2b_update(state, data.data(), data.size());
  return *this;
}

Digest Hasher::finish() noexcept {
  std::array<std::uint8_t, 32> out;
  auto* const state = std::launder(reinterpret_cast<State*>(state_.data()));
  crypto_generichash_blake2b_final(state, out.data(), out.size());
  return Digest::from_array(out);
}

}  // namespace maillon::crypto
