#include "node/admin/code_words.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/init.hpp"
#include "node/replica/making.hpp"

namespace maillon::cli {
namespace {

/// Runs it up to where it would ask its peers.
int rehearse(Line& line) {
  line.request.options["preview"] = {"1"};
  line.needs_peers = false;
  const int out = execute(line);
  line.needs_peers = true;
  line.request.options.erase("preview");
  return out;
}

int run_join(Line& line, NewNode& node) {
  const std::string code = line.request.options["code"].front();
  const auto invitation = federation::Invitation::decode(code);
  if (invitation.has_error()) return fail(line, invitation.error());
  if (const auto fits = admin::check_region_of(*invitation, node.region); fits.has_error())
    return fail(line, fits.error());
  const auto known = replica::has_node(line.globals.data);
  if (known.has_error()) return fail(line, known.error());
  // A folder that has moved already runs its daemon as any other.
  if (*known && !invitation->continues.empty()) {
    const auto moved = move_along(line, *invitation, code);
    if (moved.has_error() && moved.error().code != Errc::busy) return fail(line, moved.error());
    if (moved.has_value() && !*moved) return 1;
  }
  if (!node.region.empty()) line.request.options["region"] = {node.region};
  const auto ask = asks(line);
  // What makes no sense is told first: to agree to it beforehand would not help.
  if (*known && (ask.has_error() || *ask))
    if (const int failed = rehearse(line); failed != 0) return failed;
  if (ask.has_error()) return fail(line, ask.error());
  if (*ask) {
    fmt::print("{}", invitation_in_words(line, *invitation));
    if (!agreed(line)) return 1;
  }
  if (!*known) {
    // The invitation says what the newcomer is to be.
    node.role = invitation->role == Role::hub ? "hub" : "cooperative";
    if (node.region.empty()) node.region = invitation->region;
    const auto made = make_folder(line, node);
    if (made.has_error()) return fail(line, made.error());
  }
  return execute(line);
}

}  // namespace

std::string invitation_in_words(const Line& line, const federation::Invitation& invitation) {
  std::string urls;
  for (const std::string& url : invitation.urls)
    urls += (urls.empty() ? "" : ", ") + admin::for_terminal(url);
  const std::string role = admin::role_in_words(invitation.role, line.globals.language);
  std::string out = line.say(
      "Ce code invite dans la fédération {}.\n"
      "  Le nœud qui invite : {} ({}), jusqu’au {}.\n"
      "  Vous y entrez comme {}{}.\n",
      "This code invites into the federation {}.\n"
      "  The inviter's node: {} ({}), until {}.\n"
      "  You enter as a {}{}.\n",
      invitation.federation.hex(), admin::shortened(invitation.inviter), urls,
      admin::local(invitation.expires), role,
      invitation.region.empty() ? ""
                                : line.say(" de la région {}", " of region {}",
                                           admin::for_terminal(invitation.region, 20)));
  out += line.say(
      "Un membre partage ce qu’il écrit dans les espaces de la fédération : les autres en gardent "
      "une copie, même s’il part ; ce que des membres décident ensemble, selon la charte, vaut "
      "pour "
      "lui.\n"
      "Le code ne contient pas la charte (nom, voix nécessaires, délégués, seuils, limites) : elle "
      "s’affiche dès que l’annuaire est là, et « maillon federation show » la montre. « maillon "
      "leave » met fin à l’adhésion.\n",
      "A member shares what it writes in the federation's spaces: the others keep a copy, even if "
      "it leaves; what members decide together, by the charter, holds for it.\n"
      "The code does not hold the charter (name, votes needed, delegates, thresholds, bounds): it "
      "is "
      "shown once the directory is here, and `maillon federation show` shows it. `maillon leave` "
      "ends the membership.\n");
  return out;
}

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
