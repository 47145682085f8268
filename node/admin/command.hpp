#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "node/peers/peer_service.hpp"
#include "node/replica/replica.hpp"

/// Commands as both the daemon and the command line run them: words in, words and JSON out.
namespace maillon::admin {

enum class Language { french, english };

/// A command with its arguments, as parsed and checked by the command line. Whoever reaches the
/// admin socket may send anything, so commands check again what they rely on.
struct Request {
  std::string command;  ///< "import", "peer add", …
  std::map<std::string, std::vector<std::string>> options;
  Language language = Language::french;
  bool json = false;
};

/// What a command says in the end.
struct Reply {
  int exit_code = 0;
  std::string text;   ///< for people, for stdout; empty when JSON was asked for
  std::string error;  ///< one sentence for stderr: of a failure, or what else one should know
  std::string json;  ///< one document, when asked for; of a failure {"error": …} and what is known
};

/// Digests of spaces, so that asking twice costs one computation. Kept in memory only.
class DigestCache {
 public:
  /// All that a space's visible state follows from.
  struct Key {
    SpaceId space = SpaceId::zero();
    Digest frontier = Digest::zero();
    Digest annuaire = Digest::zero();
    std::int64_t held = 0;
    friend auto operator<=>(const Key&, const Key&) noexcept = default;
  };
  [[nodiscard]] std::optional<Digest> find(const Key& key) const;
  void put(const Key& key, const Digest& digest);

 private:
  mutable std::mutex mutex_;
  std::map<SpaceId, std::pair<Key, Digest>> last_;  ///< protected by mutex_
};

/// What a command may use while it runs.
struct Context {
  replica::Replica& replica;
  peers::PeerService* peers = nullptr;  ///< none without a daemon, unless the command starts one
  DigestCache* digests = nullptr;
  /// A line for people about long work, already in the reader's language. Called often: whoever
  /// shows it drops what comes too fast.
  std::function<void(double fraction, const std::string& what)> progress = {};
  /// The input file of import and bundle import, whole. Asked for at most once.
  std::function<Result<Bytes>()> input = {};
  /// A piece of the output file of export, backup and bundle export; its error ends the command.
  std::function<Result<void>(ByteView)> output = {};
};

/// Runs a command. Never throws; failures are replies with the exit code of their kind.
[[nodiscard]] Reply run(const Request& request, Context& context);

/// The reply that tells of a failure.
[[nodiscard]] Reply failure(const Request& request, const Error& error);
/// What is wrong.
[[nodiscard]] std::string what(const Error& error, Language language);
/// The error's hint; of damage that has none, a general one.
[[nodiscard]] std::string what_to_do(const Error& error, Language language);
/// The failure in one sentence: what is wrong, and what to do.
[[nodiscard]] std::string sentence(const Error& error, Language language);

/// Exit code of a failure: 1 refused or failed, 2 usage, 3 not found, 4 not allowed, 5 unavailable,
/// 6 integrity.
[[nodiscard]] int exit_code_of(Errc code) noexcept;

}  // namespace maillon::admin
