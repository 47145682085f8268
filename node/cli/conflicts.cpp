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
      app.add("resolve",
              line.say("Tranche un conflit, ou tous à la fois par une règle.",
                       "Resolves a conflict, or all at once by a rule."),
              "resolve");
  resolve.value("COLLECTION", "collection", line.say("Par exemple lieux", "For example lieux"));
  resolve.value("ID", "id",
                line.say("Identifiant de la fiche, ou celui de sa source",
                         "Id of the record, or the one of its source"));
  add_space(resolve, line);
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
  resolve.value("--all", "all",
                line.say("Sans ID, tranche tous les champs en conflit : « newest » garde la valeur "
                         "la plus récente, « union » réunit les listes, un membre (son nom ou son "
                         "identifiant) a le dernier mot",
                         "Without ID, resolves every field in conflict: `newest` keeps the latest "
                         "value, `union` unites lists, a member (by name or id) has the last word"));
  resolve.flag("--dry-run", "dry_run",
               line.say("Avec --all : montre sans rien écrire",
                        "With --all: shows, and writes nothing"));
}

}  // namespace maillon::cli
