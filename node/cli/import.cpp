#include "node/cli/line.hpp"

namespace maillon::cli {
namespace {

/// The file's name without folder and extensions: states of one source (le-havre.1.json,
/// le-havre.2.json) share it.
std::string source_of(const std::string& path) {
  const std::string name = std::filesystem::path{path}.filename().string();
  return name.substr(0, name.find('.', 1));
}

}  // namespace

void add_import(Command app, Line& line) {
  Command command = app.add(
      "import",
      line.say("Importe un fichier CSV, JSON, JSON Lines ou GeoJSON. L’importer à nouveau ne "
               "change rien ; les colonnes inconnues sont gardées.",
               "Imports a CSV, JSON, JSON Lines or GeoJSON file. Importing it again changes "
               "nothing; unknown columns are kept."),
      "import");
  command
      .take(
          "FILE",
          [&line](const std::string& path) {
            line.input_path = path;
            line.request.options["file_name"] = {std::filesystem::path{path}.filename().string()};
            if (path != "-") line.request.options.try_emplace("source", 1, source_of(path));
          },
          line.say("Le fichier ; « - » lit l’entrée standard", "The file; `-` reads stdin"))
      .required();
  command
      .value("--collection", "collection",
             line.say("Dans quelle collection, par exemple lieux",
                      "Into which collection, for example lieux"))
      .required();
  command.value("--space", "space",
                line.say("Espace (sinon, celui de la région)", "Space (else the region's)"));
  command
      .value("--format", "format",
             line.say("Sinon, d’après le nom et le contenu", "Else from the name and the content"))
      .one_of({"csv", "json", "jsonl", "geojson"});
  command.value(
      "--source", "source",
      line.say(
          "Qui a produit le fichier : les identifiants valent pour cette source. Sinon, le nom "
          "du fichier jusqu’à son premier point",
          "Who made the file: ids are those of this source. Else the file's name up to its "
          "first dot"));
  command.value(
      "--source-column", "source-column",
      line.say(
          "Colonne qui dit quel producteur a donné chaque ligne, quand les identifiants ne valent "
          "que pour lui : sa source est alors SOURCE/VALEUR",
          "Column that says which producer gave each row, where ids are unique only per producer: "
          "the row's source is then SOURCE/VALUE"));
  command.flag(
      "--strict", "strict",
      line.say(
          "Refuse les lignes dont une valeur sort du schéma (code 1) ; les autres sont importées",
          "Refuses rows with a value that the schema would not have (exit 1); others are "
          "imported"));
  command.flag(
      "--dry-run", "dry-run",
      line.say("Dit ce qui changerait, n’écrit rien", "Says what would change, writes nothing"));
  command.then([&line] {
    line.request.command = "import";
    if (line.globals.quiet) line.request.options["quiet"] = {};
  });
}

}  // namespace maillon::cli
