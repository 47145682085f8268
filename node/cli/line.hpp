#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "node/admin/words.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// The command line as it is being parsed, and what every command's parser needs. CLI11 itself is
/// seen by line.cpp alone.
namespace maillon::cli {

/// What every command takes, before or after its name.
struct Globals {
  std::filesystem::path data;
  bool json = false;
  bool quiet = false;
  admin::Language language = admin::Language::english;
};

/// Filled in by the parser of the command that was given.
struct Line {
  Globals globals;
  admin::Request request;
  std::string input_path;    ///< of import and bundle import; "-" is stdin
  std::string output_path;   ///< of commands that write a file; empty is stdout
  bool writes_data = false;  ///< to output_path
  bool may_replace = false;  ///< an export may replace a file, a backup only when told to
  bool secret = false;       ///< what is written is for its owner alone
  bool needs_peers = false;  ///< without a daemon, the command talks to peers itself
  /// Instead of running `request`; gives the exit code.
  std::function<int(Line&)> action;

  template <class... A>
  [[nodiscard]] std::string say(fmt::format_string<A...> fr, fmt::format_string<A...> en,
                                A&&... args) const {
    return admin::say<A...>(globals.language, fr, en, std::forward<A>(args)...);
  }
};

/// An option or argument that was added to a command.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}
  Argument required();
  Argument one_of(const std::vector<std::string>& words);
  Argument up_to(std::size_t times);
  [[nodiscard]] bool given() const;

 private:
  CLI::Option* option_;
};

/// A command under construction; a light handle.
class Command {
 public:
  Command(CLI::App* app, Line* line) : app_(app), line_(line) {}
  /// A command below this one. `request` is what admin::run() is to run.
  Command add(const std::string& name, const std::string& help, const std::string& request);
  void needs_subcommand();
  /// Runs once the whole line is parsed.
  void then(std::function<void()> what);
  /// Hands the value to `take` while parsing.
  Argument take(const std::string& name, std::function<void(const std::string&)> take,
                const std::string& help);
  /// The same, for an option that may come several times.
  Argument each(const std::string& name, std::function<void(const std::string&)> take,
                const std::string& help);
  Argument path(const std::string& name, std::string& into, const std::string& help);
  Argument switch_on(const std::string& name, bool& into, const std::string& help);
  /// Each of these goes into the request under `key`.
  Argument value(const std::string& name, const std::string& key, const std::string& help);
  Argument values(const std::string& name, const std::string& key, const std::string& help);
  Argument flag(const std::string& name, const std::string& key, const std::string& help);

 private:
  CLI::App* app_;
  Line* line_;
};

/// Adds --space.
void add_space(Command command, Line& line);
/// Adds COLLECTION, ID and --space.
void add_record_arguments(Command command, Line& line);

/// Parses; false when there is nothing left to do, and `exit_code` says how it ended.
[[nodiscard]] bool parse(int argc, char** argv, Line& line, int& exit_code);

// One for each family of commands.
void add_init(Command app, Line& line);
void add_federation(Command app, Line& line);
void add_join(Command app, Line& line);
void add_serve(Command app, Line& line);
void add_status(Command app, Line& line);
void add_peer(Command app, Line& line);
void add_sync(Command app, Line& line);
void add_import(Command app, Line& line);
void add_export(Command app, Line& line);
void add_records(Command app, Line& line);
void add_conflicts(Command app, Line& line);
void add_bundle(Command app, Line& line);
void add_backup(Command app, Line& line);
void add_verify(Command app, Line& line);
void add_directory(Command app, Line& line);
void add_decisions(Command app, Line& line);
void add_evidence(Command app, Line& line);
void add_erasures(Command app, Line& line);
void add_proofs(Command app, Line& line);
void add_node_keys(Command node, Line& line);
void add_simulate(Command app, Line& line);
void add_space_changes(Command space, Line& line);
void add_refound(Command federation, Line& line);
void add_version(Command app, Line& line);

}  // namespace maillon::cli
