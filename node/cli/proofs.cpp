#include "node/admin/proof_reply.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/files.hpp"

/// Proofs of records: made here, checked by anybody.
namespace maillon::cli {
namespace {

Result<admin::Reply> checked(const Line& line) {
  std::optional<FederationId> expected;
  if (const auto named = line.request.options.find("federation");
      named != line.request.options.end()) {
    const auto id = FederationId::from_hex(named->second.front());
    if (!id)
      return admin::said(Errc::usage, "--federation takes an id of 64 hexadecimal digits",
                         "--federation attend un identifiant de 64 chiffres hexadécimaux",
                         "`maillon federation show` prints it on a member's node",
                         "« maillon federation show » l’affiche sur le nœud d’un membre");
    expected = *id;
  }
  MAILLON_TRY(const Bytes file, read_input(line.input_path));
  return admin::check_proof(file, expected, line.globals.language, line.globals.json);
}

int run_check(Line& line) {
  const auto reply = checked(line);
  if (reply.has_value()) return present(line, *reply);
  admin::Request request;
  request.language = line.globals.language;
  request.json = line.globals.json;
  admin::Reply failed = admin::failure(request, reply.error());
  // Whoever asks only whether it holds finds the answer in the same place.
  if (request.json) failed.json = R"({"valid":false,"authors":[],)" + failed.json.substr(1);
  return present(line, failed);
}

}  // namespace

void add_proofs(Command app, Line& line) {
  Command prove = app.add(
      "prove",
      line.say("Écrit une preuve d’une fiche, que chacun peut vérifier sans dossier ni réseau.",
               "Writes a proof of a record, which anybody can check without a folder or a network."),
      "");
  add_record_arguments(prove, line);
  prove.path("-o,--output", line.output_path, line.say("Le fichier à écrire", "The file to write"))
      .required();
  prove.flag("--force", "force",
             line.say("Remplace le fichier s’il existe", "Replaces the file if there is one"));
  prove.then([&line] {
    line.request.command = "prove";
    line.writes_data = true;
    line.may_replace = line.request.options.contains("force");
  });

  Command check = app.add(
      "check-proof",
      line.say("Vérifie une preuve d’une fiche : qui a écrit quoi, quand.",
               "Checks a proof of a record: who wrote what, when."),
      "");
  check.path(line.say("FICHIER", "FILE"), line.input_path, line.say("La preuve", "The proof"))
      .required();
  check.value("--federation", "federation",
              line.say("Identifiant de la fédération dont elle doit être",
                       "Id of the federation that it must be of"));
  check.then([&line] { line.action = run_check; });
}

}  // namespace maillon::cli
