#include "node/net/url.hpp"

#include <algorithm>
#include <charconv>

namespace maillon::net {
namespace {

constexpr std::size_t kUrlMax = 1024;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

Error bad_url(std::string_view text, std::string_view what, std::string_view what_fr) {
  return Error{Errc::usage, "`" + std::string(text) + "`: " + std::string(what),
               "« " + std::string(text) + " » : " + std::string(what_fr),
               "write it as wss://node.example.org or ws://192.0.2.7:4242",
               "écrivez par exemple wss://noeud.exemple.fr ou ws://192.0.2.7:4242"};
}

bool all_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [others](char c) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || others.find(c) != std::string_view::npos;
  });
}

/// Splits "host:port" or "[v6]:port"; false when it is neither.
bool split_authority(std::string_view authority, std::string_view& host, std::string_view& port) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || rest.size() == 1)) return false;
    port = rest.empty() ? rest : rest.substr(1);
    return host.find(':') != std::string_view::npos && all_of(host, ":.");
  }
  const auto colon = authority.find(':');
  host = authority.substr(0, colon);
  port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon + 1);
  if (colon != std::string_view::npos && port.empty()) return false;
  return !host.empty() && all_of(host, ".-_");
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kUrlMax) {
    return bad_url(text.substr(0, 64), "longer than 1,024 bytes", "plus de 1 024 octets");
  }
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("wss://")) {
    url.tls = true;
    rest.remove_prefix(6);
  } else if (rest.starts_with("ws://")) {
    rest.remove_prefix(5);
  } else {
    return bad_url(text, "neither ws:// nor wss://", "ni ws:// ni wss://");
  }
  const auto slash = rest.find('/');
  std::string_view host;
  std::string_view port;
  if (!split_authority(rest.substr(0, slash), host, port)) {
    return bad_url(text, "no host name or address", "pas de nom d’hôte ni d’adresse");
  }
  url.host = host;
  url.port = url.tls ? kHttpsPort : kHttpPort;
  if (!port.empty()) {
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (failure != std::errc{} || end != port.data() + port.size() || url.port == 0) {
      return bad_url(text, "the port is not a number from 1 to 65535",
                     "le port n’est pas un nombre de 1 à 65535");
    }
  }
  if (slash != std::string_view::npos) {
    std::string_view prefix = rest.substr(slash);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    if (!all_of(prefix, "/-._~%")) {
      return bad_url(text, "a path may not hold such characters",
                     "un chemin ne peut contenir de tels caractères");
    }
    url.prefix = prefix;
  }
  return url;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? kHttpsPort : kHttpPort)) out += ":" + std::to_string(port);
  return out;
}

}  // namespace maillon::net
