#include "node/cli/execute.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <thread>

#include "node/admin/socket_client.hpp"
#include "node/cli/files.hpp"
#include "node/cli/progress.hpp"
#include "proto/no_room.hpp"

namespace maillon::cli {
namespace {

using namespace std::chrono_literals;
using admin::Reply;

/// Another command may have the folder for a moment, and a daemon that starts has it before it
/// listens.
constexpr auto kLockWait = 5s;
constexpr auto kLockPoll = 100ms;

Error stdout_refused(int error) {
  const bool full = is_no_room(error);
  return admin::said(
      full ? Errc::full : Errc::io,
      fmt::format("cannot write to standard output: {}", std::strerror(error)),
      fmt::format("impossible d’écrire sur la sortie standard : {}", system_in_french(error)),
      full ? "free some space, or write elsewhere" : "see what reads it, or name a file",
      full ? "libérez de la place, ou écrivez ailleurs"
           : "voyez ce qui la lit, ou nommez un fichier");
}

/// Nothing, or why the system refused. What fmt prints throws then, in words of its own.
int put(std::FILE* out, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() ? 0 : errno;
}

/// Input and output of one run.
class Streams {
 public:
  Streams(const Line& line, Progress& progress) : line_(line), progress_(progress) {}

  Result<void> open() {
    if (!line_.writes_data || line_.output_path.empty()) return {};
    MAILLON_TRY(auto file, OutputFile::create(line_.output_path, line_.may_replace, line_.secret));
    file_ = std::make_unique<OutputFile>(std::move(file));
    return {};
  }
  Result<void> finish() { return file_ ? file_->finish() : Result<void>{}; }
  [[nodiscard]] bool data_on_stdout() const { return line_.writes_data && !file_; }

  admin::ClientHooks hooks() {
    admin::ClientHooks out;
    out.progress = [this](double part, const std::string& what) { progress_.show(part, what); };
    if (!line_.input_path.empty()) out.input = [this] { return read_input(line_.input_path); };
    if (line_.writes_data) out.output = [this](ByteView piece) { return write(piece); };
    return out;
  }

 private:
  Result<void> write(ByteView piece) {
    if (file_) return file_->write(piece);
    if (write_all(STDOUT_FILENO, piece)) return {};
    return stdout_refused(errno);
  }

  const Line& line_;
  Progress& progress_;
  std::unique_ptr<OutputFile> file_;
};

Result<Reply> run_here(const Line& line, replica::Replica& replica,
                       const admin::ClientHooks& hooks) {
  std::unique_ptr<peers::PeerService> peers;
  if (line.needs_peers) {
    peers::PeerOptions options;
    // The code at hand may be of another federation than one of before, and a network is of one.
    options.take_up_wish = line.request.command != "join";
    MAILLON_TRY(peers, peers::PeerService::start(replica, options));
  }
  admin::Context context{replica, peers.get()};
  context.progress = hooks.progress;
  context.input = hooks.input;
  context.output = hooks.output;
  return admin::run(line.request, context);
}

Result<Reply> run_somewhere(const Line& line, const admin::ClientHooks& hooks) {
  const auto give_up = std::chrono::steady_clock::now() + kLockWait;
  MAILLON_TRY(const auto passphrase, replica::passphrase_from_environment());
  for (;;) {
    MAILLON_TRY(auto client, admin::SocketClient::connect(line.globals.data));
    if (client) return client->run(line.request, hooks);
    auto replica = replica::Replica::open(line.globals.data, passphrase);
    if (replica.has_value()) return run_here(line, **replica, hooks);
    const bool busy = replica.error().code == Errc::busy;
    if (!busy || std::chrono::steady_clock::now() > give_up) return replica.error();
    std::this_thread::sleep_for(kLockPoll);
  }
}

}  // namespace

int execute(Line& line) {
  Progress progress{line.globals.quiet};
  Streams streams{line, progress};
  if (const auto opened = streams.open(); opened.has_error()) return fail(line, opened.error());
  const auto reply = run_somewhere(line, streams.hooks());
  progress.clear();
  if (reply.has_error()) return fail(line, reply.error());
  if (reply->exit_code == 0)
    if (const auto done = streams.finish(); done.has_error()) return fail(line, done.error());
  return present(line, *reply, streams.data_on_stdout());
}

Result<bool> asks(const Line& line) {
  if (line.globals.json || line.request.options.contains("yes")) return false;
  if (isatty(STDIN_FILENO) == 1) return true;
  return admin::said(Errc::usage, "this command asks first, and there is no terminal to ask on",
                     "cette commande demande d’abord, et il n’y a pas de terminal où demander",
                     "run it in a terminal, or agree beforehand with --yes",
                     "lancez-la dans un terminal, ou acceptez d’avance avec --yes");
}

bool agreed(const Line& line) {
  fmt::print(stderr, "{}", line.say("D’accord ? [o/N] ", "Agreed? [y/N] "));
  std::fflush(stderr);
  std::string typed;
  std::getline(std::cin, typed);
  const char first = typed.empty() ? 'n' : static_cast<char>(std::tolower(typed.front()));
  if (first == 'o' || first == 'y') return true;
  fmt::print(stderr, "{}", line.say("Rien n’est fait.\n", "Nothing was done.\n"));
  return false;
}

int ask_then_execute(Line& line) {
  const auto ask = asks(line);
  if (ask.has_value() && !*ask) return execute(line);
  line.request.options["preview"] = {"1"};
  // What makes no sense is told first: to agree to it beforehand would not help.
  if (const int failed = execute(line); failed != 0) return failed;
  if (ask.has_error()) return fail(line, ask.error());
  line.request.options.erase("preview");
  if (!agreed(line)) return 1;
  line.request.options["yes"] = {"1"};
  return execute(line);
}

int fail(const Line& line, const Error& error) {
  admin::Request request;
  request.language = line.globals.language;
  request.json = line.globals.json;
  return present(line, admin::failure(request, error));
}

int present(const Line& line, const Reply& reply, bool data_on_stdout) {
  int refused = 0;
  if (line.globals.json && !reply.json.empty()) refused = put(stdout, reply.json + "\n");
  if (!line.globals.json && data_on_stdout && !line.globals.quiet) put(stderr, reply.text);
  if (!line.globals.json && !data_on_stdout) refused = put(stdout, reply.text);
  if (refused == 0 && std::fflush(stdout) != 0) refused = errno;
  if (!reply.error.empty()) put(stderr, fmt::format("maillon: {}\n", reply.error));
  if (refused == 0 || reply.exit_code != 0) return reply.exit_code;
  // What could not be written was not said.
  const Error why = stdout_refused(refused);
  put(stderr, fmt::format("maillon: {}\n", admin::sentence(why, line.globals.language)));
  return 1;
}

}  // namespace maillon::cli
