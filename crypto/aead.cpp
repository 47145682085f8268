#include "crypto/aead.hpp"

#include <sodium.h>

namespace maillon::crypto {
namespace {

using Seal = decltype(&crypto_aead_chacha20poly1305_ietf_encrypt);
using Open = decltype(&crypto_aead_chacha20poly1305_ietf_decrypt);

Bytes seal(Seal encrypt, const Secret32& key, ByteView nonce, ByteView ad, ByteView plaintext) {
  Bytes out(plaintext.size() + kTagSize);
  encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(), ad.data(), ad.size(), nullptr,
          nonce.data(), key.bytes().data());
  return out;
}

Result<Bytes> open(Open decrypt, const Secret32& key, ByteView nonce, ByteView ad,
                   ByteView sealed) {
  if (sealed.size() < kTagSize) return Error{Errc::integrity, "aead: shorter than its tag"};
  Bytes out(sealed.size() - kTagSize);
  // Of an empty vector data() is null, which libsodium takes for "only check the tag"; nothing is
  // written either way.
  if (decrypt(out.data(), nullptr, nullptr, sealed.data(), sealed.size(), ad.data(), ad.size(),
              nonce.data(), key.bytes().data()) != 0)
    return Error{Errc::integrity, "aead: the tag does not fit"};
  return out;
}

}  // namespace

Bytes chacha_seal(const Secret32& key, std::span<const std::uint8_t, 12> nonce, ByteView ad,
                  ByteView plaintext) {
  return seal(crypto_aead_chacha20poly1305_ietf_encrypt, key, nonce, ad, plaintext);
}

Result<Bytes> chacha_open(const Secret32& key, std::span<const std::uint8_t, 12> nonce, ByteView ad,
                          ByteView sealed) {
  return open(crypto_aead_chacha20poly1305_ietf_decrypt, key, nonce, ad, sealed);
}

Bytes xchacha_seal(const Secret32& key, std::span<const std::uint8_t, 24> nonce, ByteView ad,
                   ByteView plaintext) {
  return seal(crypto_aead_xchacha20poly1305_ietf_encrypt, key, nonce, ad, plaintext);
}

Result<Bytes> xchacha_open(const Secret32& key, std::span<const std::uint8_t, 24> nonce,
                           ByteView ad, ByteView sealed) {
  return open(crypto_aead_xchacha20poly1305_ietf_decrypt, key, nonce, ad, sealed);
}

void wipe(std::span<std::uint8_t> secret) noexcept { sodium_memzero(secret.data(), secret.size()); }

void wipe(std::string& secret) noexcept {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace maillon::crypto
