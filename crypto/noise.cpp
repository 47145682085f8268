#include "crypto/noise.hpp"

#include <sodium.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "crypto/aead.hpp"
#include "crypto/noise_patterns.hpp"
#include "proto/limits.hpp"

namespace maillon::crypto::noise {
namespace {

using Hash = std::array<std::uint8_t, 64>;
using Key = std::array<std::uint8_t, 32>;

Hash blake2b(std::initializer_list<ByteView> pieces) noexcept {
  crypto_generichash_blake2b_state state;
  Hash out;
  crypto_generichash_blake2b_init(&state, nullptr, 0, out.size());
  for (const ByteView piece : pieces)
    crypto_generichash_blake2b_update(&state, piece.data(), piece.size());
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  sodium_memzero(&state, sizeof state);
  return out;
}

/// RFC 2104 over BLAKE2b-512, whose block is 128 bytes; section 4.3 wants HMAC, not BLAKE2's key.
Hash hmac(const Hash& key, ByteView first, ByteView second = {}) noexcept {
  std::array<std::uint8_t, 128> pad;
  pad.fill(0x36);
  for (std::size_t i = 0; i < key.size(); ++i) pad[i] ^= key[i];
  Hash inner = blake2b({pad, first, second});
  for (std::uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  const Hash out = blake2b({pad, inner});
  wipe(pad);
  wipe(inner);
  return out;
}

/// HKDF of section 4.3, always with three outputs: two are the first two of three.
struct Derived {
  Hash first;
  Hash second;
  Hash third;

  Derived(const Hash& chaining_key, ByteView material) noexcept {
    Hash temporary = hmac(chaining_key, material);
    const std::array<std::uint8_t, 3> count = {1, 2, 3};
    first = hmac(temporary, ByteView{count}.subspan(0, 1));
    second = hmac(temporary, first, ByteView{count}.subspan(1, 1));
    third = hmac(temporary, second, ByteView{count}.subspan(2, 1));
    wipe(temporary);
  }
  Derived(const Derived&) = delete;
  Derived& operator=(const Derived&) = delete;
  ~Derived() {
    wipe(first);
    wipe(second);
    wipe(third);
  }
};

Secret32 key_of(const Hash& output) noexcept { return Secret32{std::span{output}.first<32>()}; }

std::array<std::uint8_t, 12> nonce_bytes(std::uint64_t nonce) noexcept {
  std::array<std::uint8_t, 12> out{};
  for (std::size_t i = 0; i < 8; ++i) out[4 + i] = static_cast<std::uint8_t>(nonce >> (8 * i));
  return out;
}

/// 2^64-1 is kept for rekey().
constexpr std::uint64_t kNonceEnd = std::numeric_limits<std::uint64_t>::max();

/// Section 5.2.
class SymmetricState {
 public:
  explicit SymmetricState(std::string_view protocol) noexcept {
    if (protocol.size() <= hash_.size()) {
      std::ranges::copy(protocol, hash_.begin());
    } else {
      hash_ = blake2b({as_bytes(protocol)});
    }
    chaining_key_ = hash_;
  }
  SymmetricState(const SymmetricState&) = delete;
  SymmetricState& operator=(const SymmetricState&) = delete;
  ~SymmetricState() { wipe(chaining_key_); }

  [[nodiscard]] const Hash& hash() const noexcept { return hash_; }
  [[nodiscard]] bool has_key() const noexcept { return cipher_.has_value(); }

  void mix_hash(ByteView data) noexcept { hash_ = blake2b({hash_, data}); }

  void mix_key(ByteView material) noexcept {
    const Derived derived(chaining_key_, material);
    chaining_key_ = derived.first;
    cipher_.emplace(key_of(derived.second));
  }

  void mix_key_and_hash(ByteView material) noexcept {
    const Derived derived(chaining_key_, material);
    chaining_key_ = derived.first;
    mix_hash(derived.second);
    cipher_.emplace(key_of(derived.third));
  }

  Result<void> encrypt_and_hash(ByteView plaintext, Bytes& out) {
    if (!cipher_) {
      mix_hash(plaintext);
      out.insert(out.end(), plaintext.begin(), plaintext.end());
      return {};
    }
    MAILLON_TRY(const Bytes sealed, cipher_->encrypt(hash_, plaintext));
    mix_hash(sealed);
    out.insert(out.end(), sealed.begin(), sealed.end());
    return {};
  }

  Result<Bytes> decrypt_and_hash(ByteView data) {
    if (!cipher_) {
      mix_hash(data);
      return Bytes(data.begin(), data.end());
    }
    MAILLON_TRY(Bytes plaintext, cipher_->decrypt(hash_, data));
    mix_hash(data);
    return plaintext;
  }

  [[nodiscard]] std::pair<Cipher, Cipher> split() const noexcept {
    const Derived derived(chaining_key_, {});
    return {Cipher{key_of(derived.first)}, Cipher{key_of(derived.second)}};
  }

 private:
  Hash hash_{};
  Hash chaining_key_{};
  std::optional<Cipher> cipher_;
};

}  // namespace

DhKey::DhKey(Secret32 secret) noexcept : secret_(std::move(secret)) {
  crypto_scalarmult_base(public_.data(), secret_.bytes().data());
}

Result<Secret32> DhKey::agree(std::span<const std::uint8_t, 32> theirs) const {
  Key shared;
  if (crypto_scalarmult(shared.data(), secret_.bytes().data(), theirs.data()) != 0)
    return Error{Errc::refused, "noise: a public key of small order"};
  Secret32 out{shared};
  wipe(shared);
  return out;
}

Result<Bytes> Cipher::encrypt(ByteView ad, ByteView plaintext) {
  if (plaintext.size() > limits::kNoiseMessageMax - kTagSize)
    return Error{Errc::usage, "noise: message too long"};
  if (nonce_ == kNonceEnd) return Error{Errc::refused, "noise: all nonces are used"};
  return chacha_seal(key_, nonce_bytes(nonce_++), ad, plaintext);
}

Result<Bytes> Cipher::decrypt(ByteView ad, ByteView ciphertext) {
  if (ciphertext.size() > limits::kNoiseMessageMax)
    return Error{Errc::malformed, "noise: message too long"};
  if (nonce_ == kNonceEnd) return Error{Errc::refused, "noise: all nonces are used"};
  MAILLON_TRY(Bytes plaintext, chacha_open(key_, nonce_bytes(nonce_), ad, ciphertext));
  ++nonce_;
  return plaintext;
}

void Cipher::rekey() {
  static constexpr Key kZeros{};
  Bytes fresh = chacha_seal(key_, nonce_bytes(kNonceEnd), {}, kZeros);
  key_ = Secret32{std::span{fresh}.first<32>()};
  wipe(fresh);
}

/// Section 5.3, with the pattern expanded to tokens.
struct Handshake::State {
  State(std::string_view protocol, Pattern of, bool first, Keys given, Secret32 ephemeral) noexcept
      : pattern(std::move(of)),
        initiator(first),
        symmetric(protocol),
        s(std::move(given.s)),
        e(std::move(ephemeral)),
        rs(given.rs),
        psks(std::move(given.psks)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (Key& psk : psks) wipe(psk);
  }

  [[nodiscard]] bool done() const noexcept { return next == pattern.messages.size(); }
  [[nodiscard]] bool our_turn() const noexcept { return !done() && (next % 2 == 0) == initiator; }

  /// After create() every key that `token` needs is there, or was received by an earlier one.
  Result<void> mix_dh(Token token) {
    const bool with_our_s = token == Token::ss || token == (initiator ? Token::se : Token::es);
    const bool with_their_s = token == Token::ss || token == (initiator ? Token::es : Token::se);
    MAILLON_TRY(const Secret32 shared, (with_our_s ? *s : e).agree(with_their_s ? *rs : *re));
    symmetric.mix_key(shared.bytes());
    return {};
  }

  Result<void> write_token(Token token, Bytes& out) {
    switch (token) {
      case Token::e:
        out.insert(out.end(), e.public_key().begin(), e.public_key().end());
        symmetric.mix_hash(e.public_key());
        if (pattern.psk_count > 0) symmetric.mix_key(e.public_key());
        return {};
      case Token::s:
        return symmetric.encrypt_and_hash(s->public_key(), out);
      case Token::psk:
        symmetric.mix_key_and_hash(psks[psk_next++]);
        return {};
      default:
        return mix_dh(token);
    }
  }

  Result<void> read_token(Token token, ByteReader& in) {
    switch (token) {
      case Token::e: {
        const ByteView raw = in.raw(32);
        if (!in.ok()) return Error{Errc::malformed, "noise: message too short"};
        std::ranges::copy(raw, re.emplace().begin());
        symmetric.mix_hash(*re);
        if (pattern.psk_count > 0) symmetric.mix_key(*re);
        return {};
      }
      case Token::s: {
        const ByteView raw = in.raw(symmetric.has_key() ? 32 + kTagSize : 32);
        if (!in.ok()) return Error{Errc::malformed, "noise: message too short"};
        MAILLON_TRY(const Bytes key, symmetric.decrypt_and_hash(raw));
        std::ranges::copy(key, rs.emplace().begin());
        return {};
      }
      case Token::psk:
        symmetric.mix_key_and_hash(psks[psk_next++]);
        return {};
      default:
        return mix_dh(token);
    }
  }

  Result<Bytes> write(ByteView payload) {
    Bytes out;
    for (const Token token : pattern.messages[next]) MAILLON_CHECK(write_token(token, out));
    MAILLON_CHECK(symmetric.encrypt_and_hash(payload, out));
    if (out.size() > limits::kNoiseMessageMax) return Error{Errc::usage, "noise: message too long"};
    ++next;
    return out;
  }

  Result<Bytes> read(ByteView message) {
    if (message.size() > limits::kNoiseMessageMax)
      return Error{Errc::malformed, "noise: message too long"};
    ByteReader in(message);
    for (const Token token : pattern.messages[next]) MAILLON_CHECK(read_token(token, in));
    MAILLON_TRY(Bytes payload, symmetric.decrypt_and_hash(in.raw(in.left())));
    ++next;
    return payload;
  }

  Pattern pattern;
  bool initiator;
  bool dead = false;
  bool was_split = false;
  std::size_t next = 0;
  std::size_t psk_next = 0;
  SymmetricState symmetric;
  std::optional<DhKey> s;
  DhKey e;
  std::optional<Key> rs;
  std::optional<Key> re;
  std::vector<Key> psks;
};

namespace {

bool sends_static(const Pattern& pattern, bool initiator) noexcept {
  for (std::size_t i = initiator ? 0 : 1; i < pattern.messages.size(); i += 2) {
    if (std::ranges::find(pattern.messages[i], Token::s) != pattern.messages[i].end()) return true;
  }
  return false;
}

Result<void> check_keys(const Pattern& pattern, bool initiator, const Handshake::Keys& keys) {
  const bool ours_known = initiator ? pattern.initiator_known : pattern.responder_known;
  const bool theirs_known = initiator ? pattern.responder_known : pattern.initiator_known;
  if ((ours_known || sends_static(pattern, initiator)) && !keys.s)
    return Error{Errc::usage, "noise: the pattern needs our static key"};
  if (theirs_known && !keys.rs)
    return Error{Errc::usage, "noise: the pattern needs their static key"};
  // Whoever gives a key expects it to be checked, which a pattern that sends its own would not do.
  if (!theirs_known && keys.rs)
    return Error{Errc::usage, "noise: the pattern does not use a static key known before"};
  if (keys.psks.size() != pattern.psk_count)
    return Error{Errc::usage, "noise: the pattern needs another number of pre-shared keys"};
  return {};
}

Error dead() { return {Errc::refused, "noise: this handshake has ended"}; }

}  // namespace

Result<Handshake> Handshake::create(std::string_view pattern, bool initiator, ByteView prologue,
                                    Keys keys, Rng& rng) {
  MAILLON_TRY(Pattern parsed, parse_pattern(pattern));
  MAILLON_CHECK(check_keys(parsed, initiator, keys));
  std::string protocol = "Noise_";
  protocol.append(pattern).append("_25519_ChaChaPoly_BLAKE2b");
  Secret32 ephemeral =
      keys.fixed_ephemeral ? std::move(*keys.fixed_ephemeral) : Secret32::random(rng);
  auto state = std::make_unique<State>(protocol, std::move(parsed), initiator, std::move(keys),
                                       std::move(ephemeral));
  state->symmetric.mix_hash(prologue);
  const auto mix_known = [&](bool of_initiator) {
    state->symmetric.mix_hash(of_initiator == initiator ? state->s->public_key() : *state->rs);
  };
  if (state->pattern.initiator_known) mix_known(true);
  if (state->pattern.responder_known) mix_known(false);
  return Handshake{std::move(state)};
}

Handshake::Handshake(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Handshake::Handshake(Handshake&&) noexcept = default;
Handshake& Handshake::operator=(Handshake&&) noexcept = default;
Handshake::~Handshake() = default;

bool Handshake::our_turn() const noexcept { return !state_->dead && state_->our_turn(); }
bool Handshake::done() const noexcept { return !state_->dead && state_->done(); }

Result<Bytes> Handshake::write(ByteView payload) {
  if (state_->dead || state_->was_split) return dead();
  if (!state_->our_turn()) {
    state_->dead = true;
    return Error{Errc::usage, "noise: not our turn to write"};
  }
  auto written = state_->write(payload);
  state_->dead = written.has_error();
  return written;
}

Result<Bytes> Handshake::read(ByteView message) {
  if (state_->dead || state_->was_split) return dead();
  if (state_->done() || state_->our_turn()) {
    state_->dead = true;
    return Error{Errc::refused, "noise: a message out of turn"};
  }
  auto payload = state_->read(message);
  state_->dead = payload.has_error();
  return payload;
}

std::optional<std::array<std::uint8_t, 32>> Handshake::remote_static() const {
  if (state_->dead) return std::nullopt;
  return state_->rs;
}

Result<Channel> Handshake::split() {
  if (state_->dead || state_->was_split) return dead();
  if (!state_->done()) {
    state_->dead = true;
    return Error{Errc::usage, "noise: the handshake is not done"};
  }
  state_->was_split = true;
  auto [from_initiator, from_responder] = state_->symmetric.split();
  if (state_->initiator)
    return Channel{std::move(from_initiator), std::move(from_responder), state_->symmetric.hash()};
  return Channel{std::move(from_responder), std::move(from_initiator), state_->symmetric.hash()};
}

}  // namespace maillon::crypto::noise
