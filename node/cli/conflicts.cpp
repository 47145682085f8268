#include "node/cli/line.hpp"

namespace maillon::cli {

void add_conflicts(Command app, Line& line) {
  Command list = app.add("conflicts",
                         line.say("Les fiches où plusieurs valeurs se contredisent.",
                                  "Records whose values contradict each other."),
                         "conflicts");
  list.value("COLLECTION", "collection", line.say("Sinon, toutes", "Else all"));
  list.value("--space", "space", line.say("Sinon, tous", "Else all"));
  Command resolve =
      app.add("resolve", line.say("Tranche un conflit.", "Resolves a conflict."), "resolve");
  add_record_arguments(resolve, line);
  resolve
      .values(line.say("CHAMP=VALEUR", "FIELD=VALUE"), "fields",
              line.say("La valeur qui vaut désormais", "The value that holds from now on"))
      .up_to(limits::kFieldsMax);
  resolve.flag(
      "--keep", "keep",
      line.say("Modifiée par l’un, supprimée par l’autre : garde la fiche, avec toutes les "
               "valeurs d’avant la suppression",
               "Edited by one, deleted by another: keeps the record, with every value "
               "from before the delete"));
  resolve.flag("--delete", "delete",
               line.say("Modifiée par l’un, supprimée par l’autre : supprime la fiche",
                        "Edited by one, deleted by another: deletes the record"));
}

}  // namespace maillon::cli
