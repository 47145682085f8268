#include "node/cli/line.hpp"

namespace maillon::cli {

void add_bundle(Command app, Line& line) {
  Command bundle =
      app.add("bundle", line.say("Échange par clé USB.", "Exchange by USB stick."), "");
  bundle.needs_subcommand();
  Command out = bundle.add("export",
                           line.say("Écrit tout ce que ce membre peut lire dans un fichier.",
                                    "Writes all that this member may read into a file."),
                           "");
  out.path("-o,--output", line.output_path, line.say("Le fichier à écrire", "The file to write"))
      .required();
  out.path("--since", line.input_path,
           line.say("Un lot plus ancien : n’écrit que ce qu’il ne contient pas",
                    "An earlier bundle: writes only what it does not hold"));
  out.flag("--force", "force",
           line.say("Remplace le fichier s’il existe", "Replaces the file if there is one"));
  out.then([&line] {
    line.request.command = "bundle export";
    line.writes_data = true;
    line.may_replace = line.request.options.contains("force");
    if (!line.input_path.empty()) line.request.options["since"] = {"1"};
  });
  Command in = bundle.add(
      "import", line.say("Vérifie un lot, puis l’applique.", "Verifies a bundle, then applies it."),
      "bundle import");
  in.path(line.say("FICHIER", "FILE"), line.input_path, line.say("Le lot", "The bundle"))
      .required();
}

}  // namespace maillon::cli
