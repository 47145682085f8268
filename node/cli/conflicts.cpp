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
      .required()
      .up_to(limits::kFieldsMax);
}

}  // namespace maillon::cli
