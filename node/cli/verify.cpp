#include "node/cli/line.hpp"

/// verify, reissue.
namespace maillon::cli {

void add_verify(Command app, Line& line) {
  Command verify =
      app.add("verify",
              line.say("Vérifie signatures, chaînes et empreintes de tout le journal ; code 6 "
                       "si quelque chose est abîmé.",
                       "Checks signatures, chains and roots of the whole log; exit 6 when "
                       "something is damaged."),
              "verify");
  verify.flag("--deep", "deep",
              line.say("Rejoue aussi le journal et compare chaque fiche",
                       "Also replays the log and compares every record"));
  Command reissue = app.add(
      "reissue",
          line.say("Publie à nouveau ce qui de ce membre ne compte pas : retenu, écarté ou mis en "
                   "doute, une fois la cause levée.",
                   "Publishes again what of this member does not count: held, cut off or in doubt, "
                   "once the cause is gone."),
          "reissue");
  reissue.flag("--all", "all",
               line.say("Aussi ce qu’a signé une clé reprise depuis, venu d’une copie de la machine",
                        "Also what a key signed that was taken back since, by a copy of the "
                        "machine"));
}

}  // namespace maillon::cli
