#include "node/cli/execute.hpp"

namespace maillon::cli {
namespace {

Error no_room_for_both() {
  return admin::said(Errc::usage, "with --json the export needs a file of its own",
                     "avec --json, l’export a besoin d’un fichier à lui", "name it with -o FILE",
                     "nommez-le avec -o FICHIER");
}

}  // namespace

void add_export(Command app, Line& line) {
  Command command =
      app.add("export",
              line.say("Écrit les fiches visibles d’une collection, dans les colonnes de l’import.",
                       "Writes the visible records of a collection, in the columns of the import."),
              "export");
  command
      .value(
          "--collection", "collection",
          line.say("Quelle collection, par exemple lieux", "Which collection, for example lieux"))
      .required();
  command.value("--space", "space",
                line.say("Espace (sinon, celui de la région)", "Space (else the region's)"));
  Argument format = command
                        .value("--format", "format",
                               line.say("Sinon, d’après le nom du fichier ; sans nom, csv",
                                        "Else from the file's name; without one, csv"))
                        .one_of({"csv", "json", "jsonl", "geojson"});
  command.value("--schema-version", "schema-version",
                line.say("1 : écrit les lieux de la v0.1 dans les colonnes et les termes de la v1",
                         "1: writes places of v0.1 in the columns and terms of v1"));
  command.path("-o,--output", line.output_path,
               line.say("Fichier à écrire ; sinon, la sortie standard",
                        "File to write; else standard output"));
  command.then([&line, format] {
    line.request.command = "export";
    line.writes_data = true;
    line.may_replace = true;
    if (line.globals.json && line.output_path.empty())
      line.action = [](Line& parsed) { return fail(parsed, no_room_for_both()); };
    const std::size_t dot = line.output_path.rfind('.');
    if (format.given() || dot == std::string::npos) return;
    const std::string extension = line.output_path.substr(dot + 1);
    for (const char* known : {"csv", "json", "jsonl", "geojson"})
      if (extension == known) line.request.options["format"] = {known};
  });
}

}  // namespace maillon::cli
