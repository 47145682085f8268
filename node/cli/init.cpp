#include "node/cli/init.hpp"

#include <fstream>

#include "crypto/aead.hpp"
#include "node/admin/names.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/root_words.hpp"
#include "node/federation/federation.hpp"
#include "node/replica/making.hpp"

namespace maillon::cli {
namespace {

using admin::said;

Result<std::optional<std::string>> passphrase_of(const std::string& file) {
  if (file.empty()) return replica::passphrase_from_environment();
  std::ifstream in{file};
  std::string phrase;
  if (!std::getline(in, phrase) || phrase.empty())
    return said(Errc::usage, "no passphrase can be read from " + file,
                "aucune phrase secrète lisible dans " + file, "put it on the file's first line",
                "placez-la sur la première ligne du fichier");
  return std::optional{std::move(phrase)};
}

Result<crypto::Secret32> root_again(const Line& line, const std::string& words_file) {
  MAILLON_TRY(std::string words, read_words(line, words_file));
  auto out = crypto::from_words(words);
  crypto::wipe(words);
  return out;
}

/// Drawn now, or by a try that was cut short and had written its words already.
Result<crypto::Secret32> fresh_root(const Line& line, const std::string& words_file, Rng& rng) {
  const std::filesystem::path& dir = line.globals.data;
  std::error_code ignored;
  const auto noted = replica::noted_member(dir);
  if (noted && !words_file.empty() && std::filesystem::exists(words_file, ignored)) {
    auto before = root_again(line, words_file);
    if (before && crypto::SigningKey{*before}.member_id() == *noted) return before;
  }
  return draw_root(line, words_file, rng, [&](const crypto::Secret32& root) {
    return replica::note_member(dir, crypto::SigningKey{root}.member_id());
  });
}

int run_init(Line& line, const NewNode& node) {
  const auto made = make_folder(line, node);
  if (made.has_error()) return fail(line, made.error());
  admin::Reply reply;
  admin::JsonWriter json;
  json.object()
      .field("member_id", made->member.hex())
      .field("node_id", made->node.hex())
      .field("data", line.globals.data.string())
      .field("certificate", federation::certificate_code(made->certificate))
      .end_object();
  reply.json = json.take();
  reply.text = line.say("Nœud créé dans {}.\n  membre {}\n  nœud   {}\n",
                        "Node made in {}.\n  member {}\n  node   {}\n", line.globals.data.string(),
                        made->member.hex(), made->node.hex());
  reply.text +=
      node.recover
          ? line.say(
                "Ensuite : « maillon join CODE », avec un code que n’importe quel membre donne "
                "par « maillon invite » ; ce nœud y entre comme celui du membre dont vous avez "
                "les mots.\n"
                "Son certificat, pour le faire connaître d’avance depuis une machine qui "
                "reste :\n  maillon node add {}\n",
                "Next: `maillon join CODE`, with a code that any member gives by `maillon "
                "invite`; this node enters as one of the member whose words you have.\n"
                "Its certificate, to make it known beforehand from a machine that is left:\n"
                "  maillon node add {}\n",
                federation::certificate_code(made->certificate))
          : line.say("Ensuite : « maillon federation create NOM », ou « maillon join CODE ».\n",
                     "Next: `maillon federation create NAME`, or `maillon join CODE`.\n");
  return present(line, reply);
}

}  // namespace

Result<replica::Identity> make_folder(const Line& line, const NewNode& node) {
  const std::filesystem::path& dir = line.globals.data;
  MAILLON_TRY(const bool known, replica::has_node(dir));
  if (known)
    return said(Errc::refused, "there is a node in " + dir.string() + " already",
                "il y a déjà un nœud dans " + dir.string(),
                "go on with `maillon join CODE` or `maillon federation create NAME`, or choose "
                "another folder with --data",
                "continuez par « maillon join CODE » ou « maillon federation create NOM », ou "
                "choisissez un autre dossier avec --data");
  if (node.name.empty())
    return said(Errc::usage, "a member needs a name", "un membre a besoin d’un nom",
                "give --name NAME", "donnez --name NOM");
  MAILLON_CHECK(admin::check_region(node.region));
  replica::InitOptions options;
  MAILLON_TRY(options.name, admin::proper_name(node.name, admin::Naming::member));
  options.region = node.region;
  options.role = node.role == "hub" ? Role::hub : Role::cooperative;
  MAILLON_TRY(options.passphrase, passphrase_of(node.passphrase_file));
  options.recovered = node.recover;
  crypto::SystemRng rng;
  const auto secret =
      node.recover ? root_again(line, node.words_file) : fresh_root(line, node.words_file, rng);
  auto made = secret.has_value()
                  ? replica::Replica::init(dir, options, crypto::SigningKey{*secret}, rng)
                  : Result<replica::Identity>{secret.error()};
  if (made.has_value()) return made;
  if (secret.has_value() && !node.words_file.empty() && !node.recover) {
    // Words of a key that nothing was made with would only mislead.
    std::error_code ignored;
    std::filesystem::remove(node.words_file, ignored);
  }
  replica::forget_making(dir);
  return made;
}

void add_key_options(Command command, Line& line, NewNode& node) {
  command.path(
      "--words-file", node.words_file,
      line.say("Écrit les 24 mots dans ce fichier, ou les y lit, et ne demande rien",
               "Writes the 24 words into this file, or reads them there, and asks nothing"));
  command.path("--passphrase-file", node.passphrase_file,
               line.say("Protège la clé du nœud par la première ligne de ce fichier",
                        "Seals the node's key with the first line of this file"));
}

void add_init(Command app, Line& line) {
  Command command =
      app.add("init",
              line.say("Crée un dossier de données : la clé du nœud, et la clé racine du membre "
                       "sous forme de 24 mots.",
                       "Makes a data folder: the node's key, and the member's root key as "
                       "24 words."),
              "");
  const auto node = std::make_shared<NewNode>();
  command.path("--name", node->name, line.say("Nom de la structure", "Name of the organisation"))
      .required();
  command
      .path("--role", node->role,
            line.say("cooperative (sinon) ou hub", "cooperative (else) or hub"))
      .one_of({"cooperative", "hub"});
  command.path("--region", node->region,
               line.say("Code de région, par exemple 75", "Region code, for example 75"));
  command.switch_on("--recover", node->recover,
                    line.say("Fait de cette machine un nœud du membre dont on a les 24 mots",
                             "Makes this machine a node of the member whose 24 words one has"));
  add_key_options(command, line, *node);
  command.then(
      [&line, node] { line.action = [node](Line& parsed) { return run_init(parsed, *node); }; });
}

}  // namespace maillon::cli
