#include <unistd.h>

#include <thread>

#include "node/cli/execute.hpp"

namespace maillon::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto kEvery = 2s;

int watch(Line& line) {
  for (;;) {
    if (!line.globals.json && isatty(STDOUT_FILENO) == 1) fmt::print("\x1b[2J\x1b[H");
    if (const int code = execute(line); code != 0) return code;
    std::this_thread::sleep_for(kEvery);
  }
}

}  // namespace

void add_status(Command app, Line& line) {
  Command command = app.add("status",
                            line.say("Identité, espaces, pairs, travail en attente.",
                                     "Identity, spaces, peers, waiting work."),
                            "");
  command.flag("--watch", "watch",
               line.say("Rafraîchit toutes les 2 secondes", "Refreshes every 2 seconds"));
  command.then([&line] {
    line.request.command = "status";
    if (line.request.options.erase("watch") > 0) line.action = watch;
  });
}

}  // namespace maillon::cli
