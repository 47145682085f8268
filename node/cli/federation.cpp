#include "node/cli/line.hpp"

/// federation create, federation show, invite.
namespace maillon::cli {

void add_federation(Command app, Line& line) {
  Command federation = app.add("federation", line.say("La fédération.", "The federation."), "");
  federation.needs_subcommand();
  Command create = federation.add("create",
                                  line.say("Fonde une fédération dont ce membre est le premier.",
                                           "Founds a federation with this member as its first."),
                                  "federation create");
  create.value(line.say("NOM", "NAME"), "name", line.say("Son nom", "Its name")).required();
  create.value("--quorum", "quorum",
               line.say("Voix pour admettre un membre : 1", "Votes that admit a member: 1"));
  federation.add("show", line.say("Sa charte, en mots.", "Its charter, in words."),
                 "federation show");
  add_refound(federation, line);

  Command invite = app.add("invite",
                           line.say("Donne un code d’invitation, valable une fois.",
                                    "Gives an invitation code, good for one use."),
                           "invite");
  invite
      .value("--role", "role", line.say("cooperative (sinon) ou hub", "cooperative (else) or hub"))
      .one_of({"cooperative", "hub"});
  invite.value("--region", "region",
               line.say("Code de région du nouveau membre ; sinon, il le dit",
                        "The newcomer's region code; else they say"));
  invite.value("--valid", "valid", line.say("Jours de validité (14)", "Days of validity (14)"));
  invite.values("--url", "url",
                line.say("Adresse de ce nœud, ws:// ou wss:// ; sinon, celle où il a servi",
                         "Address of this node, ws:// or wss://; else where it was last served"));
}

}  // namespace maillon::cli
