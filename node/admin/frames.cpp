#include "node/admin/frames.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "node/admin/json_writer.hpp"
#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

constexpr std::size_t kOptionsMax = 64;
constexpr std::size_t kValuesMax = 1024;

Error gone() {
  return {Errc::unavailable, "the other side of the admin socket went away",
          "l’autre côté de la prise d’administration est parti",
          "see whether `maillon serve` still runs, then try again",
          "voyez si « maillon serve » tourne encore, puis recommencez"};
}

Error bad(const char* why) { return {Errc::malformed, std::string{"admin socket: "} + why}; }

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  MAILLON_ASSERT(path.size() < sizeof out.sun_path, "SocketPath makes short paths");
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return out;
}

}  // namespace

FrameSocket::~FrameSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> FrameSocket::read_exactly(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::recv(fd_, out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return gone();
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Result<Frame> FrameSocket::receive() {
  std::array<std::uint8_t, 5> head{};
  MAILLON_CHECK(read_exactly(head));
  ByteReader in{head};
  const std::uint32_t size = in.le32();
  if (size > limits::kAdminMessageMax) return bad("a message is too large");
  Frame out;
  out.kind = static_cast<FrameKind>(in.u8());
  // The length is a claim: memory follows what really comes.
  while (out.payload.size() < size) {
    const std::size_t from = out.payload.size();
    out.payload.resize(from + std::min<std::size_t>(size - from, kPieceMax));
    MAILLON_CHECK(read_exactly(std::span{out.payload}.subspan(from)));
  }
  return out;
}

Result<void> FrameSocket::send(FrameKind kind, ByteView payload) {
  MAILLON_ASSERT(payload.size() <= limits::kAdminMessageMax, "callers send pieces");
  Bytes head;
  ByteWriter w{head};
  w.le32(static_cast<std::uint32_t>(payload.size()));
  w.u8(static_cast<std::uint8_t>(kind));
  for (ByteView part : {ByteView{head}, payload}) {
    while (!part.empty()) {
      const ssize_t put = ::send(fd_, part.data(), part.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return gone();
      part = part.subspan(static_cast<std::size_t>(put));
    }
  }
  return {};
}

Result<void> FrameSocket::send_pieces(FrameKind kind, ByteView payload) {
  while (!payload.empty()) {
    const std::size_t size = std::min(payload.size(), kPieceMax);
    MAILLON_CHECK(send(kind, payload.first(size)));
    payload = payload.subspan(size);
  }
  return {};
}

std::string encode_request(const Request& request) {
  JsonWriter json;
  json.object()
      .field("command", request.command)
      .field("language", request.language == Language::french ? "fr" : "en")
      .field("json", request.json)
      .key("options")
      .object();
  for (const auto& [name, values] : request.options) {
    json.key(name).array();
    for (const std::string& value : values) json.text(value);
    json.end_array();
  }
  json.end_object().end_object();
  return json.take();
}

Result<Request> decode_request(std::string_view text) {
  boost::json::error_code failed;
  boost::json::parse_options how;
  how.max_depth = 4;
  const auto value = boost::json::parse({text.data(), text.size()}, failed, {}, how);
  if (failed || !value.is_object()) return bad("a request is no JSON object");
  const auto& object = value.get_object();
  const auto string_at = [&](const char* key) -> std::string {
    const auto* found = object.if_contains(key);
    return found != nullptr && found->is_string()
               ? std::string{found->get_string().c_str(), found->get_string().size()}
               : std::string{};
  };
  Request out;
  out.command = string_at("command");
  if (out.command.empty()) return bad("a request names no command");
  out.language = string_at("language") == "fr" ? Language::french : Language::english;
  const auto* json = object.if_contains("json");
  out.json = json != nullptr && json->is_bool() && json->get_bool();
  const auto* options = object.if_contains("options");
  if (options == nullptr) return out;
  if (!options->is_object() || options->get_object().size() > kOptionsMax)
    return bad("options are no object, or too many");
  for (const auto& entry : options->get_object()) {
    if (!entry.value().is_array() || entry.value().get_array().size() > kValuesMax)
      return bad("an option is no list, or too long");
    auto& values = out.options[std::string{entry.key().data(), entry.key().size()}];
    for (const auto& one : entry.value().get_array()) {
      if (!one.is_string()) return bad("an option holds what is no text");
      values.emplace_back(one.get_string().data(), one.get_string().size());
    }
  }
  return out;
}

Result<SocketPath> SocketPath::of(const std::filesystem::path& dir) {
  const int fd = ::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return Error{errno == EACCES ? Errc::not_allowed : Errc::not_found,
                 "no such folder: " + dir.string()};
  // Addresses of sockets end at 107 bytes, folders do not.
  std::string path = (dir / "admin.sock").string();
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    path = "/proc/self/fd/" + std::to_string(fd) + "/admin.sock";
  return SocketPath{fd, std::move(path)};
}

SocketPath::~SocketPath() {
  if (dir_fd_ >= 0) ::close(dir_fd_);
}

int SocketPath::connect() const {
  const int fd = new_socket();
  if (fd < 0) return -1;
  const sockaddr_un address = address_of(text_);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

int SocketPath::listen() const {
  const int fd = new_socket();
  if (fd < 0) return -1;
  const sockaddr_un address = address_of(text_);
  ::unlink(text_.c_str());
  // Nobody can connect before listen(), so the mode is right from the first connection on.
  const bool ok = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  ::chmod(text_.c_str(), 0600) == 0 && ::listen(fd, 16) == 0;
  if (ok) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace maillon::admin
