#include "node/cli/execute.hpp"
#include "node/cli/init.hpp"

namespace maillon::cli {
namespace {

int run_join(Line& line, NewNode& node) {
  const std::string code = line.request.options["code"].front();
  const auto invitation = federation::Invitation::decode(code);
  if (invitation.has_error()) return fail(line, invitation.error());
  if (is_folder(line.globals.data)) {
    // A folder that has moved already runs its daemon as any other.
    if (!invitation->continues) return execute(line);
    const auto moved = move_along(line, *invitation, code);
    if (moved.has_error() && moved.error().code != Errc::busy) return fail(line, moved.error());
    if (moved.has_value() && !*moved) return 1;
  } else {
    // The invitation says what the newcomer is to be.
    node.role = invitation->role == Role::hub ? "hub" : "cooperative";
    if (node.region.empty()) node.region = invitation->region;
    const auto made = make_folder(line, node);
    if (made.has_error()) return fail(line, made.error());
  }
  return execute(line);
}

}  // namespace

void add_join(Command app, Line& line) {
  Command command =
      app.add("join",
              line.say("Entre dans une fédération avec un code d’invitation ; crée le dossier de "
                       "données s’il n’existe pas.",
                       "Joins a federation with an invitation code; makes the data folder if "
                       "there is none."),
              "");
  const auto node = std::make_shared<NewNode>();
  command.value("CODE", "code", line.say("Le code, maillon1.…", "The code, maillon1.…")).required();
  command.path("--name", node->name,
               line.say("Nom de la structure, si le dossier n’existe pas",
                        "Name of the organisation, if there is no folder yet"));
  command.path("--region", node->region, line.say("Code de région", "Region code"));
  command.value("--wait", "wait",
                line.say("Secondes d’attente (30) ; 0 : laisse la demande à « maillon serve »",
                         "Seconds to wait (30); 0: leaves the wish to `maillon serve`"));
  command.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  add_key_options(command, line, *node);
  command.then([&line, node] {
    line.request.command = "join";
    line.needs_peers = true;
    line.action = [node](Line& parsed) { return run_join(parsed, *node); };
  });
}

}  // namespace maillon::cli
