#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace maillon {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Lower-case hexadecimal, two digits a byte.
[[nodiscard]] std::string to_hex(ByteView bytes);
/// Accepts upper and lower case; Errc::malformed for an odd length or another character.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

/// RFC 4648 section 5, without padding.
[[nodiscard]] std::string to_base64url(ByteView bytes);
[[nodiscard]] Result<Bytes> from_base64url(std::string_view text);

/// True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Appends the encodings of docs/protocol.md: LEB128 varints, length-prefixed bytes.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) noexcept : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(value); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  /// varint length, then the bytes.
  void sized(ByteView bytes) {
    varint(bytes.size());
    raw(bytes);
  }
  void sized(std::string_view text) { sized(as_bytes(text)); }
  void le32(std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void le64(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }

 private:
  Bytes& out_;
};

/// Reads hostile bytes. After the first short or non-minimal read `ok()` is false and every read
/// gives zero or nothing, so a parser may check once at the end of a bounded loop.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return ok_ && at_ == bytes_.size(); }
  [[nodiscard]] std::size_t left() const noexcept { return ok_ ? bytes_.size() - at_ : 0; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  void fail() noexcept { ok_ = false; }

  std::uint8_t u8() noexcept {
    if (left() < 1) return fail(), std::uint8_t{0};
    return bytes_[at_++];
  }
  /// LEB128 with no superfluous bytes, at most 10 of them.
  std::uint64_t varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left() < 1) return fail(), std::uint64_t{0};
      const std::uint8_t byte = bytes_[at_++];
      if (shift == 63 && byte > 1) return fail(), std::uint64_t{0};
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) {
        if (byte == 0 && shift > 0) return fail(), std::uint64_t{0};
        return value;
      }
    }
    return fail(), std::uint64_t{0};
  }
  /// A varint that must be at most `max`.
  std::uint32_t varint32(std::uint32_t max) noexcept {
    const std::uint64_t value = varint();
    if (value > max) return fail(), std::uint32_t{0};
    return static_cast<std::uint32_t>(value);
  }
  ByteView raw(std::size_t size) noexcept {
    if (left() < size) return fail(), ByteView{};
    const ByteView out = bytes_.subspan(at_, size);
    at_ += size;
    return out;
  }
  ByteView sized(std::size_t max) noexcept {
    const std::uint64_t size = varint();
    if (size > max) return fail(), ByteView{};
    return raw(static_cast<std::size_t>(size));
  }
  std::uint32_t le32() noexcept {
    const ByteView b = raw(4);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < b.size(); ++i) value |= static_cast<std::uint32_t>(b[i]) << (8 * i);
    return value;
  }
  std::uint64_t le64() noexcept {
    const ByteView b = raw(8);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < b.size(); ++i) value |= static_cast<std::uint64_t>(b[i]) << (8 * i);
    return value;
  }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace maillon
