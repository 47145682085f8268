#include "crypto/aead.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/root_words.hpp"

/// Deciding together. On a terminal, what a command will change is shown first, and asked.
namespace maillon::cli {
namespace {

/// A kind of proposal; its request carries the kind.
Command kind_of(Command& propose, Line& line, const std::string& kind, const std::string& help) {
  Command command = propose.add(kind, help, "");
  command.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  command.then([&line, kind] {
    line.request.command = "propose";
    line.request.options["kind"] = {kind};
    line.action = ask_then_execute;
  });
  return command;
}

void take_member(Command& command, Line& line) {
  command.value("MEMBER", "member", line.say("Son identifiant, ou son nom", "Its id, or its name"))
      .required();
}

void take_rules(Command& command, Line& line) {
  const std::string help = line.say("all, role:hub, role:cooperative, region:CODE, ou un membre",
                                    "all, role:hub, role:cooperative, region:CODE, or a member");
  command.values("--reader", "readers", help).up_to(100);
  command.values("--writer", "writers", help).up_to(100);
}

void add_propose(Command app, Line& line) {
  Command propose = app.add("propose",
                            line.say("Propose une décision ; chacune dit ce qu’elle change.",
                                     "Proposes a decision; each says what it changes."),
                            "");
  propose.needs_subcommand();
  Command admit =
      kind_of(propose, line, "admit",
              line.say("Réadmettre un ancien membre.", "To admit a former member again."));
  take_member(admit, line);
  Command remove =
      kind_of(propose, line, "remove", line.say("Exclure un membre.", "To remove a member."));
  take_member(remove, line);
  Command delegate = kind_of(propose, line, "delegate",
                             line.say("Nommer un délégué, ou lui retirer ce rôle.",
                                      "To make a member a delegate, or no longer."));
  take_member(delegate, line);
  delegate.flag("--drop", "drop", line.say("Retire ce rôle", "Takes the role back"));
  Command charter =
      kind_of(propose, line, "charter", line.say("Changer la charte.", "To change the charter."));
  charter.value("KEY", "key", line.say("Par exemple quorum", "For example quorum")).required();
  charter.value("VALUE", "value", line.say("Sa nouvelle valeur", "Its new value")).required();
  for (const auto& [kind, fr, en] :
       {std::tuple{"widen", "Ouvrir un espace à d’autres.", "To open a space to others."},
        std::tuple{"narrow", "Fermer un espace à certains.", "To close a space to some."}}) {
    Command access =
        kind_of(propose, line, kind, line.globals.language == admin::Language::french ? fr : en);
    access.value("SPACE", "name", line.say("Nom de l’espace", "Name of the space")).required();
    take_rules(access, line);
  }
  Command checkpoint = kind_of(
      propose, line, "checkpoint",
      line.say("Arrêter ce que tous ont depuis longtemps dans un espace (« maillon serve » le fait de "
               "lui-même).",
               "To settle what everybody has had for long in a space (`maillon serve` does so by "
               "itself)."));
  checkpoint.value("SPACE", "name", line.say("Nom de l’espace", "Name of the space")).required();
  Command root = kind_of(propose, line, "root-key",
                         line.say("Remplacer la clé racine d’un membre (mots perdus ou volés).",
                                  "To replace a member's root key (words lost or stolen)."));
  take_member(root, line);
  root.value("KEY", "key",
             line.say("La nouvelle clé, en hexadécimal", "The new key, in hexadecimal"))
      .required();
  Command heir = kind_of(propose, line, "succession",
                         line.say("Confier les fiches d’un membre à un autre.",
                                  "To pass a member's records to another."));
  take_member(heir, line);
  heir.value("HEIR", "heir", line.say("Qui les reprend", "Who takes them over")).required();
  Command tellers =
      kind_of(propose, line, "tellers",
              line.say("Nommer les dépouilleurs d’une région.", "To name a region's tellers."));
  tellers.value("REGION", "region", line.say("Code de région", "Region code")).required();
  tellers.value("PERIOD", "period", line.say("Premier mois, 2026-09", "First month, 2026-09"))
      .required();
  tellers.values("MEMBERS", "members", line.say("Les membres nommés", "The members named"))
      .required();
  tellers.value("--threshold", "threshold",
                line.say("Combien doivent répondre", "How many must answer"));
}

int run_with_words(Line& line, const std::string& words_file) {
  // Nobody types 24 words to be told afterwards that --yes is missing.
  if (const auto ask = asks(line); ask.has_error()) return fail(line, ask.error());
  auto words = read_words(line, words_file);
  if (words.has_error()) return fail(line, words.error());
  line.request.options["words"] = {*words};
  crypto::wipe(*words);
  const int out = ask_then_execute(line);
  for (std::string& text : line.request.options["words"]) crypto::wipe(text);
  return out;
}

/// A command that acts in the name of the root key.
void ask_for_words(Command& command, Line& line, const std::string& request) {
  const auto file = std::make_shared<std::string>();
  command.path("--words-file", *file,
               line.say("Lit les 24 mots dans ce fichier", "Reads the 24 words from this file"));
  command.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  command.then([&line, file, request] {
    line.request.command = request;
    line.needs_peers = true;
    line.action = [file](Line& parsed) { return run_with_words(parsed, *file); };
  });
}

}  // namespace

void add_decisions(Command app, Line& line) {
  add_propose(app, line);
  Command proposal = app.add("proposal", line.say("Les propositions.", "The proposals."), "");
  proposal.needs_subcommand();
  Command list = proposal.add(
      "list", line.say("Ce qui est à décider, ou décidé.", "What is to decide, or decided."),
      "proposal list");
  list.flag("--all", "all",
            line.say("Avec les admissions et les espaces adoptés",
                     "With admissions and spaces that passed"));
  Command show =
      proposal.add("show", line.say("Une proposition et ses voix.", "A proposal and its votes."),
                   "proposal show");
  show.value("ID", "id", line.say("Son identifiant, ou le début", "Its id, or the beginning of it"))
      .required();
  Command vote =
      app.add("vote", line.say("Vote pour une proposition.", "Votes for a proposal."), "vote");
  vote.value("ID", "id", line.say("Son identifiant, ou le début", "Its id, or the beginning of it"))
      .required();
  vote.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  vote.then([&line] {
    line.request.command = "vote";
    line.action = ask_then_execute;
  });
  Command leave = app.add(
      "leave",
      line.say("Quitte la fédération ; vos données restent ici, et ce qui est partagé reste.",
               "Leaves the federation; your data stays here, and what is shared stays."),
      "");
  leave.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  leave.then([&line] {
    line.request.command = "leave";
    line.action = ask_then_execute;
  });
}

void add_node_keys(Command node, Line& line) {
  Command add = node.add("add",
                         line.say("Fait connaître le nœud d’une autre machine de ce membre.",
                                  "Makes the node of another machine of this member known."),
                         "node add");
  add.value("CERTIFICATE", "certificate",
            line.say("Ce que « maillon init --recover » a affiché là-bas",
                     "What `maillon init --recover` printed there"))
      .required();
  Command revoke =
      node.add("revoke",
               line.say("Reprend la clé d’un nœud (machine perdue ou volée) ; demande les 24 mots.",
                        "Takes a node's key back (machine lost or stolen); asks for the 24 words."),
               "");
  revoke
      .value("ID", "id",
             line.say("Le nœud, ou le début de son identifiant",
                      "The node, or the beginning of its id"))
      .required();
  ask_for_words(revoke, line, "node revoke");
  Command rotate =
      node.add("rotate",
               line.say("Donne une nouvelle clé à ce nœud et reprend l’ancienne ; demande les 24 "
                        "mots.",
                        "Gives this node a new key and takes the old one back; asks for the 24 "
                        "words."),
               "");
  ask_for_words(rotate, line, "node rotate");
}

void add_space_changes(Command space, Line& line) {
  Command create =
      space.add("create",
                line.say("Propose un nouvel espace, lu et écrit par tous si rien n’est dit.",
                         "Proposes a new space, read and written by all unless said."),
                "");
  create.value("NAME", "name", line.say("Par exemple projets", "For example projets")).required();
  take_rules(create, line);
  create.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  create.then([&line] {
    line.request.command = "space create";
    line.action = ask_then_execute;
  });
  Command subscribe =
      space.add("subscribe",
                line.say("Garde un espace que l’on peut lire (c’est le cas de tous, sinon dit).",
                         "Keeps a space that one may read (as all are, unless said)."),
                "space subscribe");
  subscribe.value("NAME", "name", line.say("Son nom", "Its name")).required();
  subscribe.flag("--off", "off",
                 line.say("Ne le garde plus : ce qui est là reste, rien de plus n’arrive",
                          "Keeps it no longer: what is there stays, nothing more comes"));
}

}  // namespace maillon::cli
