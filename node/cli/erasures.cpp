#include "node/cli/execute.hpp"

/// What must be forgotten: asking for it, deciding on it, and who has done it.
namespace maillon::cli {

void add_erasures(Command app, Line& line) {
  Command erase = app.add(
      "erase",
      line.say("Efface pour toujours, partout : toute une fiche, un champ, ou des mots. Ce que "
               "d’autres ont écrit est caché jusqu’à ce qu’ils l’acceptent, ou deux délégués.",
               "Erases for ever, everywhere: a whole record, a field, or some words. What others "
               "wrote is hidden until they agree, or two delegates."),
      "");
  add_record_arguments(erase, line);
  erase.values("--field", "field",
               line.say("Seulement ce champ, avec ses anciennes valeurs ; peut se répéter",
                        "Only this field, with its former values; may be repeated"));
  erase.value("--words", "words",
              line.say("Seulement là où se trouvent ces mots, par exemple un nom",
                       "Only where these words stand, for example a name"));
  erase.value("--reason", "reason",
              line.say("Pourquoi ; tous ceux qui lisent l’espace le voient",
                       "Why; all who read the space see it"));
  erase.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  erase.then([&line] {
    line.request.command = "erase";
    line.action = ask_then_execute;
  });

  Command erasures = app.add(
      "erasures",
      line.say("Les effacements : qui les a confirmés, qui tarde, qui doit encore se prononcer.",
               "Erasures: who has confirmed them, who is late, whose word is missing."),
      "");
  // CLI11 asks the commands below first.
  erasures.then([&line] {
    if (line.request.command.empty()) line.request.command = "erasures";
  });
  const auto decide = [&](const std::string& name, const std::string& help) {
    Command command = erasures.add(name, help, "");
    command
        .value("ID", "id", line.say("L’effacement, ou son début", "The erasure, or its beginning"))
        .required();
    command.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
    command.then([&line, name] {
      line.request.command = "erasures " + name;
      line.action = ask_then_execute;
    });
  };
  decide("confirm", line.say("Accepte d’effacer ce que ce membre a écrit, ou comme délégué.",
                             "Agrees to erase what this member wrote, or as a delegate."));
  decide("lift", line.say("Refuse : ce qui était caché reparaît.",
                          "Refuses: what was hidden shows again."));
}

}  // namespace maillon::cli
