#include "node/app/daemon.hpp"
#include "node/cli/execute.hpp"

namespace maillon::cli {
namespace {

int run_serve(Line& line, const app::DaemonOptions& options) {
  const auto served = app::serve(options);
  return served.has_error() ? fail(line, served.error()) : 0;
}

}  // namespace

void add_serve(Command app, Line& line) {
  Command command =
      app.add("serve",
              line.say("Le démon : échange avec les pairs et sert les autres commandes.",
                       "The daemon: exchanges with peers and serves the other commands."),
              "");
  const auto options = std::make_shared<app::DaemonOptions>();
  command.path("--listen", options->listen,
               line.say("HÔTE:PORT où écouter les pairs (0.0.0.0:7766)",
                        "HOST:PORT where to listen for peers (0.0.0.0:7766)"));
  const auto several = [](std::vector<std::string>& into) {
    return [&into](const std::string& one) { into.push_back(one); };
  };
  command.each("--public-url", several(options->public_urls),
               line.say("Comment les autres joignent ce nœud, ws:// ou wss:// ; peut se répéter",
                        "How others reach this node, ws:// or wss://; may be repeated"));
  command.each("--trusted-proxy", several(options->trusted_proxies),
               line.say("Adresse d’un relais inverse à croire ; peut se répéter",
                        "Address of a reverse proxy to believe; may be repeated"));
  command.path(
      "--http", options->http,
      line.say("off : cette version n’a pas d’API HTTP", "off: this version has no HTTP API"));
  command
      .path("--log", options->log, line.say("Détail du journal (info)", "Detail of the log (info)"))
      .one_of({"error", "warn", "info", "debug"});
  command.flag("--no-dial", "no-dial", line.say("N’appelle personne", "Dials nobody"));
  command.then([&line, options] {
    options->dial = !line.request.options.contains("no-dial");
    line.action = [options](Line& parsed) {
      options->data = parsed.globals.data;
      return run_serve(parsed, *options);
    };
  });
}

}  // namespace maillon::cli
