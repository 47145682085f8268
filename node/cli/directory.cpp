#include "node/cli/line.hpp"

/// Who and what there is: member, node, space.
namespace maillon::cli {

void add_directory(Command app, Line& line) {
  Command member = app.add("member", line.say("Les membres.", "The members."), "");
  member.needs_subcommand();
  member.add("list", line.say("Tous les membres.", "All members."), "member list");
  Command show = member.add("show", line.say("Un membre et ses nœuds.", "A member and its nodes."),
                            "member show");
  show.value("ID", "id", line.say("Son identifiant, ou son nom", "Its id, or its name")).required();

  Command node = app.add("node", line.say("Les nœuds de ce membre.", "This member's nodes."), "");
  node.needs_subcommand();
  node.add("list", line.say("Tous ses nœuds.", "All its nodes."), "node list");
  add_node_keys(node, line);

  Command space = app.add("space", line.say("Les espaces.", "The spaces."), "");
  space.needs_subcommand();
  space.add("list",
            line.say("Les espaces, qui les lit, qui y écrit.",
                     "Spaces, who reads them, who writes there."),
            "space list");
  add_space_changes(space, line);
}

}  // namespace maillon::cli
