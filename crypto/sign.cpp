#include "crypto/sign.hpp"

#include <sodium.h>

#include <algorithm>

namespace maillon::crypto {
namespace {

Bytes joined(std::string_view domain, ByteView message) {
  Bytes out;
  out.reserve(domain.size() + message.size());
  out.insert(out.end(), domain.begin(), domain.end());
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace

Secret32::Secret32(std::span<const std::uint8_t, 32> raw) noexcept {
  std::ranges::copy(raw, bytes_.begin());
}

Secret32 Secret32::random(Rng& rng) {
  Secret32 out;
  rng.fill(out.bytes_);
  return out;
}

Secret32::Secret32(Secret32&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data(), other.bytes_.size());
}

Secret32& Secret32::operator=(Secret32&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    sodium_memzero(other.bytes_.data(), other.bytes_.size());
  }
  return *this;
}

Secret32::~Secret32() { sodium_memzero(bytes_.data(), bytes_.size()); }

SigningKey::SigningKey(const Secret32& seed) noexcept {
  crypto_sign_seed_keypair(public_.data(), secret_.data(), seed.bytes().data());
}

SigningKey::SigningKey(SigningKey&& other) noexcept
    : secret_(other.secret_), public_(other.public_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  if (this != &other) {
    secret_ = other.secret_;
    public_ = other.public_;
    sodium_memzero(other.secret_.data(), other.secret_.size());
  }
  return *this;
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

Signature SigningKey::sign(std::string_view domain, ByteView message) const {
  const Bytes text = joined(domain, message);
  std::array<std::uint8_t, 64> out;
  crypto_sign_detached(out.data(), nullptr, text.data(), text.size(), secret_.data());
  return Signature::from_array(out);
}

bool verify(PublicKey key, std::string_view domain, ByteView message, const Signature& signature) {
  const Bytes text = joined(domain, message);
  return crypto_sign_verify_detached(signature.bytes().data(), text.data(), text.size(),
                                     key.data()) == 0;
}

bool is_acceptable_key(PublicKey key) {
  return crypto_core_ed25519_is_valid_point(key.data()) == 1;
}

Result<void> self_test() {
  if (sodium_init() < 0)
    return Error{Errc::io, "libsodium found no source of randomness",
                 "libsodium ne trouve pas de source d’aléa", "check that /dev/urandom can be read",
                 "vérifiez que /dev/urandom est lisible"};
  std::array<std::uint8_t, 32> good;
  crypto_core_ed25519_random(good.data());
  // (0, -1), the one point of order 2: adding it leaves X(L·P) = 0, all that 1.0.18 looked at.
  std::array<std::uint8_t, 32> order_two;
  order_two.fill(0xff);
  order_two.front() = 0xec;
  order_two.back() = 0x7f;
  std::array<std::uint8_t, 32> mixed;
  const bool added = crypto_core_ed25519_add(mixed.data(), good.data(), order_two.data()) == 0;
  if (!added || !is_acceptable_key(good) || is_acceptable_key(mixed) ||
      is_acceptable_key(order_two))
    return Error{
        Errc::refused,
        "this libsodium accepts public keys outside the prime-order group (CVE-2025-69277)",
        "cette libsodium accepte des clés hors du groupe d’ordre premier (CVE-2025-69277)",
        "install your distribution's security update of libsodium (Debian 12: "
        "1.0.18-1+deb12u1 or later), then start again",
        "installez la mise à jour de sécurité de libsodium (Debian 12 : "
        "1.0.18-1+deb12u1 ou plus récente), puis relancez"};
  return {};
}

void SystemRng::fill(std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); }

SeededRng::SeededRng(std::uint64_t seed) noexcept {
  for (std::size_t i = 0; i < 8; ++i) key_[i] = static_cast<std::uint8_t>(seed >> (8 * i));
}

void SeededRng::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == block_.size()) {
      static constexpr std::array<std::uint8_t, 8> kNonce{};
      static constexpr std::array<std::uint8_t, 64> kZeros{};
      crypto_stream_chacha20_xor_ic(block_.data(), kZeros.data(), kZeros.size(), kNonce.data(),
                                    counter_++, key_.data());
      used_ = 0;
    }
    const std::size_t taken = std::min(out.size(), block_.size() - used_);
    std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(used_), taken, out.begin());
    used_ += taken;
    out = out.subspan(taken);
  }
}

}  // namespace maillon::crypto
