#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/limits.hpp"

/// Shared by the codec's own files only.
namespace maillon::codec {

template <class Message>
[[nodiscard]] bool parse(ByteView bytes, Message& out) {
  google::protobuf::io::CodedInputStream in{bytes.data(), static_cast<int>(bytes.size())};
  in.SetRecursionLimit(static_cast<int>(limits::kProtobufDepthMax));
  return out.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

/// Whether a message has at most `max` fields at its top. Parsing makes an object of each, so that
/// two bytes on the wire would cost a hundred in memory; this looks first.
[[nodiscard]] inline bool few_fields(ByteView bytes, std::size_t max) noexcept {
  ByteReader in{bytes};
  for (std::size_t count = 0; in.left() > 0; ++count) {
    if (count == max) return false;
    switch (in.varint() & 7) {
      case 0:
        (void)in.varint();
        break;
      case 1:
        (void)in.raw(8);
        break;
      case 2:
        (void)in.sized(bytes.size());
        break;
      case 5:
        (void)in.raw(4);
        break;
      default:
        return false;  // Groups: nothing of ours has them.
    }
  }
  return in.at_end();
}

template <class Message>
void append(const Message& message, Bytes& out) {
  const std::size_t size = message.ByteSizeLong();
  const std::size_t from = out.size();
  out.resize(from + size);
  MAILLON_ASSERT(message.SerializeToArray(out.data() + from, static_cast<int>(size)),
                 "a message of ours serialises");
}

[[nodiscard]] inline std::string str(ByteView bytes) { return std::string{as_text(bytes)}; }
[[nodiscard]] inline ByteView view(const std::string& bytes) { return as_bytes(bytes); }
[[nodiscard]] inline Bytes bytes(const std::string& in) {
  const ByteView v = as_bytes(in);
  return {v.begin(), v.end()};
}

/// Ids in ascending order, at most `max` of them.
template <class Id, class Repeated>
[[nodiscard]] Result<std::vector<Id>> ids_from(const Repeated& in, std::size_t max, const char* why) {
  if (static_cast<std::size_t>(in.size()) > max) return Error{Errc::malformed, why};
  std::vector<Id> out;
  out.reserve(static_cast<std::size_t>(in.size()));
  for (const std::string& raw : in) {
    MAILLON_TRY(const Id id, Id::from_bytes(view(raw)));
    if (!out.empty() && !(out.back() < id)) return Error{Errc::malformed, why};
    out.push_back(id);
  }
  return out;
}

template <class Id>
[[nodiscard]] Result<std::optional<Id>> optional_id(const std::string& raw) {
  if (raw.empty()) return std::optional<Id>{};
  MAILLON_TRY(const Id id, Id::from_bytes(view(raw)));
  return std::optional<Id>{id};
}

template <class Message>
[[nodiscard]] Bytes encoded(const Message& message) {
  Bytes out;
  append(message, out);
  return out;
}

}  // namespace maillon::codec
