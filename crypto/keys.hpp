#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "crypto/sign.hpp"

namespace maillon::crypto {

/// Says that `node` writes for `member`; signed by the member's root key and by the node key, so
/// that neither can claim the other. Encoded as docs/protocol.md has it (168 bytes).
struct NodeCertificate {
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
/// BIP-39: 32 bytes as 24 words with their checksum.
[[nodiscard]] std::vector<std::string> to_words(const Secret32& secret, WordLanguage language);
/// Accepts both languages, any case, any spaces, accents typed composed, decomposed or left out.
/// Errc::refused names the position of a word that is not in the list, or says the checksum fails.
[[nodiscard]] Result<Secret32> from_words(std::string_view text);

/// A 32-byte secret in a file of mode 0600, created with O_EXCL and fsynced with its folder.
/// With a passphrase it is sealed (Argon2id, XChaCha20-Poly1305), else it stands there in hex.
[[nodiscard]] Result<void> write_key_file(const std::filesystem::path& path, const Secret32& secret,
                                          std::optional<std::string_view> passphrase, Rng& rng);
/// Errc::not_allowed for a wrong or missing passphrase or a mode that others can read,
/// Errc::malformed for another format or Argon2 parameters out of bounds, Errc::not_found.
[[nodiscard]] Result<Secret32> read_key_file(const std::filesystem::path& path,
                                             std::optional<std::string_view> passphrase);
[[nodiscard]] Result<bool> key_file_is_sealed(const std::filesystem::path& path);

}  // namespace maillon::crypto
