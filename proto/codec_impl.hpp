#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

#include <string>

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

}  // namespace maillon::codec
