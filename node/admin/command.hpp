#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "node/peers/peer_service.hpp"
#include "node/replica/replica.hpp"

/// Commands as both the daemon and the command line run them: words in, words and JSON out.
namespace maillon::admin {

enum class Language { french, english };

/// A command with its arguments, as parsed and checked by the command line.
struct Request {
  std::string command;  ///< "import", "peer add", …
  std::map<std::string, std::vector<std::string>> options;
  Language language = Language::french;
  bool json = false;
};

/// What a command says in the end. With an error, `json` holds {"error": …} and `text` the sentence.
struct Reply {
  int exit_code = 0;
  std::string text;  ///< for people, without JSON
  std::string json;  ///< one document
};

/// What a command may use while it runs.
struct Context {
  replica::Replica& replica;
  peers::PeerService* peers = nullptr;  ///< none without a daemon, unless the command starts one
  /// A line for people about long work; at most a few a second, already in the reader's language.
  std::function<void(double fraction, const std::string& what)> progress;
  /// The input file of import and bundle import, whole.
  std::function<Result<Bytes>()> input;
  /// A piece of the output file of export and bundle export.
  std::function<Result<void>(ByteView)> output;
};

/// Runs a command. Never throws; failures are replies with the exit code of their kind.
[[nodiscard]] Reply run(const Request& request, Context& context);

/// Exit code of a failure: 1 refused, 2 usage, 3 not found, 4 not allowed, 5 unavailable,
/// 6 integrity.
[[nodiscard]] int exit_code_of(Errc code) noexcept;

}  // namespace maillon::admin
