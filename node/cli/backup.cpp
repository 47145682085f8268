#include "node/cli/execute.hpp"
#include "node/cli/init.hpp"

/// backup, restore.
namespace maillon::cli {
namespace {

int run_restore(Line& line, const std::string& file) {
  crypto::SystemRng rng;
  const auto made = replica::restore(file, line.globals.data, rng);
  if (made.has_error()) return fail(line, made.error());
  admin::Reply reply;
  admin::JsonWriter json;
  json.object()
      .field("member_id", made->member.hex())
      .field("data", line.globals.data.string())
      .end_object();
  reply.json = json.take();
  reply.text = line.say(
      "Restauré dans {}. N’utilisez plus l’original : deux nœuds avec une clé se gênent.\n",
      "Restored into {}. Stop using the original: two nodes with one key are in each "
      "other's way.\n",
      line.globals.data.string());
  return present(line, reply);
}

}  // namespace

void add_backup(Command app, Line& line) {
  Command backup =
      app.add("backup",
              line.say("Écrit une copie cohérente du nœud, clé comprise, pendant qu’il tourne.",
                       "Writes a consistent copy of the node, key included, while it runs."),
              "");
  backup.path("-o,--output", line.output_path, line.say("Le fichier à écrire", "The file to write"))
      .required();
  backup.flag("--force", "force",
              line.say("Remplace le fichier s’il existe", "Replaces the file if there is one"));
  backup.then([&line] {
    line.request.command = "backup";
    line.writes_data = true;
    line.secret = true;  // It holds the node's key.
    line.may_replace = line.request.options.contains("force");
  });
  Command restore =
      app.add("restore",
              line.say("Recrée un dossier de données d’une sauvegarde (--data doit être vide).",
                       "Makes a data folder of a backup (--data must be empty)."),
              "");
  const auto file = std::make_shared<std::string>();
  restore.path(line.say("FICHIER", "FILE"), *file, line.say("La sauvegarde", "The backup"))
      .required();
  restore.then(
      [&line, file] { line.action = [file](Line& parsed) { return run_restore(parsed, *file); }; });
}

}  // namespace maillon::cli
