#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "crypto/sign.hpp"

namespace maillon::crypto {

/// Says that `node` writes for `member`; signed by the member's root key and by the node key, so
/// that neither can claim the other. Encoded as docs/protocol.md has it (kSize bytes: member,
/// node, le64 issued, then the two signatures).
struct NodeCertificate {
  static constexpr std::size_t kSize = 32 + 32 + 8 + 64 + 64;

  MemberId member;
  NodeId node;
  std::uint64_t issued = 0;  ///< Unix milliseconds, for people; nothing expires by it
  Signature by_root;
  Signature by_node;

  /// Both signatures cover "maillon/node-certificate/v1" ‖ member ‖ node ‖ le64(issued).
  [[nodiscard]] static NodeCertificate make(const SigningKey& root, const SigningKey& node,
                                            std::uint64_t issued_ms);
  [[nodiscard]] Bytes encode() const;
  /// Errc::malformed for a wrong size, Errc::integrity for a bad signature or unacceptable key.
  [[nodiscard]] static Result<NodeCertificate> decode_verified(ByteView bytes);
};

enum class WordLanguage { english, french };
/// BIP-39: 32 bytes as 24 words with their checksum. They are as secret as the key: wipe them.
[[nodiscard]] std::vector<std::string> to_words(const Secret32& secret, WordLanguage language);
/// Accepts both languages, any case, any spaces, accents typed composed, decomposed or left out.
/// Errc::refused names the position of a word that is not in the list (never the word: errors reach
/// logs), or says that the checksum fails.
[[nodiscard]] Result<Secret32> from_words(std::string_view text);

/// What guessing a passphrase costs (Argon2id, one lane). Written into each sealed file, and
/// bounded when read. The default is libsodium's "moderate": about a second on a small machine.
struct PassphraseCost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 256u << 10;
};
inline constexpr PassphraseCost kPassphraseCostMin{1, 8};
inline constexpr PassphraseCost kPassphraseCostMax{16, 1u << 20};

/// A 32-byte secret in a file of mode 0600, created with O_EXCL and fsynced with its folder.
/// With a passphrase it is sealed (Argon2id, XChaCha20-Poly1305), else it stands there in hex.
/// Errc::refused when the file exists, Errc::usage for an empty passphrase or a cost out of bounds,
/// Errc::full when the memory that the cost asks for is not there.
[[nodiscard]] Result<void> write_key_file(const std::filesystem::path& path, const Secret32& secret,
                                          std::optional<std::string_view> passphrase, Rng& rng,
                                          PassphraseCost cost = {});
/// Errc::not_allowed for a wrong or missing passphrase or a mode that others can read,
/// Errc::malformed for another format or Argon2 parameters out of bounds, Errc::not_found. A file
/// without seal is read whether or not a passphrase is given.
[[nodiscard]] Result<Secret32> read_key_file(const std::filesystem::path& path,
                                             std::optional<std::string_view> passphrase);
[[nodiscard]] Result<bool> key_file_is_sealed(const std::filesystem::path& path);

}  // namespace maillon::crypto
