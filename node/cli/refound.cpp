#include "node/federation/refound.hpp"

#include <algorithm>

#include "node/admin/admission_words.hpp"
#include "node/admin/code_words.hpp"
#include "node/admin/names.hpp"
#include "node/admin/socket_client.hpp"
#include "node/cli/execute.hpp"
#include "node/cli/init.hpp"
#include "node/replica/next.hpp"

/// Beginning again under a new federation: federation refound, and join of one that continues ours.
namespace maillon::cli {
namespace {

using admin::said;

Result<std::unique_ptr<replica::Replica>> open_alone(const Line& line) {
  MAILLON_TRY(const auto client, admin::SocketClient::connect(line.globals.data));
  if (client)
    return said(Errc::busy, "the daemon runs on this folder", "le démon tourne sur ce dossier",
                "stop `maillon serve`, and run this again",
                "arrêtez « maillon serve », puis relancez cette commande");
  MAILLON_TRY(const auto passphrase, replica::passphrase_from_environment());
  return replica::Replica::open(line.globals.data, passphrase);
}

std::string where_it_stays(const Line& line, const std::filesystem::path& former) {
  return line.say("Toutes les données de l’ancienne restent lisibles : maillon --data {} find …\n",
                  "All data of the former one stays readable: maillon --data {} find …\n",
                  former.string());
}

admin::Reply told(const Line& line, const federation::Refounded& done) {
  admin::Reply out;
  admin::JsonWriter json;
  json.object()
      .field("federation_id", done.federation.hex())
      .field("refounds", done.former.hex())
      .field("former_data", done.former_data.string())
      .field("values", done.brought.values)
      .field("deletes", done.brought.deletes)
      .key("left")
      .array();
  for (const std::string& name : done.brought.left) json.text(name);
  json.end_array().end_object();
  out.json = json.take();
  out.text =
      line.say("Nouvelle fédération fondée.\n  {}\n{} valeur(s) de ce membre y sont reprises.\n",
               "New federation founded.\n  {}\n{} value(s) of this member are in it.\n",
               done.federation.hex(), done.brought.values);
  for (const std::string& name : done.brought.left)
    out.text += line.say("« {} » reste dans l’ancien dossier : ce membre n’y écrit plus.\n",
                         "`{}` stays in the former folder: this member writes there no more.\n",
                         admin::for_terminal(name, 60));
  out.text += where_it_stays(line, done.former_data);
  out.text +=
      line.say("Invitez les autres : « maillon invite » ; chacun apporte ce qu’il a écrit.\n",
               "Invite the others: `maillon invite`; each brings along what it wrote.\n");
  return out;
}

Result<std::optional<federation::Refounded>> refound(const Line& line,
                                                     const federation::RefoundOptions& options) {
  MAILLON_TRY(auto replica, open_alone(line));
  const auto former = replica->federation();
  if (!former) return admin::without_federation(*replica);
  MAILLON_TRY(const bool ask, asks(line));
  if (ask) {
    const std::string name = replica->trust()->charter().name;
    fmt::print(
        "{}{}",
        line.say("Une nouvelle fédération continue « {} », avec sa charte et ses espaces. Ce "
                 "membre en est d’abord le seul délégué, et y retrouve ce qu’il a écrit ; les "
                 "autres y apportent ce qu’ils ont écrit en la rejoignant.\n",
                 "A new federation continues `{}`, with its charter and its spaces. This "
                 "member is at first its only delegate, and finds what it wrote there; the "
                 "others bring along what they wrote as they join it.\n",
                 admin::for_terminal(name)),
        where_it_stays(line, replica::former_folder(line.globals.data, *former)));
    if (!agreed(line)) return std::optional<federation::Refounded>{};
  }
  MAILLON_TRY(auto done, federation::refound(*replica, options));
  replica.reset();
  MAILLON_CHECK(replica::take_next(line.globals.data, done.former));
  return std::optional{std::move(done)};
}

int run_refound(Line& line, federation::RefoundOptions options) {
  if (options.name) {
    auto name = admin::proper_name(*options.name, admin::Naming::federation);
    if (name.has_error()) return fail(line, name.error());
    options.name = *std::move(name);
  }
  const auto done = refound(line, options);
  if (done.has_error()) return fail(line, done.error());
  return *done ? present(line, told(line, **done)) : 1;
}

}  // namespace

Result<bool> move_along(Line& line, const federation::Invitation& invitation,
                        const std::string& code) {
  MAILLON_TRY(auto replica, open_alone(line));
  MAILLON_TRY(const auto own, federation::line_of(*replica));
  // Where this node is it stays; where it has been before it goes on in the folder that it left.
  std::error_code none;
  const bool been = std::ranges::find(own, invitation.federation) != own.end() ||
                    std::filesystem::exists(
                        replica::former_folder(line.globals.data, invitation.federation), none);
  if (been || !federation::may_move(own, invitation.continues)) return true;
  MAILLON_CHECK(admin::check_code_for(*replica, invitation));
  MAILLON_TRY(const bool ask, asks(line));
  if (ask) {
    fmt::print(
        "{}{}{}", invitation_in_words(line, invitation),
        line.say("Ce code est celui d’une fédération qui continue la vôtre, ou celle que la vôtre "
                 "continue. Ce nœud quitte la vôtre et apporte dans l’autre ce que ce membre a "
                 "écrit.\n",
                 "This code is of a federation that continues yours, or the one that yours "
                 "continues. This node leaves yours and brings along what this member wrote.\n"),
        where_it_stays(line, replica::former_folder(line.globals.data, own.front())));
    if (!agreed(line)) return false;
    line.request.options["yes"] = {"1"};
  }
  MAILLON_CHECK(federation::prepare_move(*replica, code));
  replica.reset();
  MAILLON_CHECK(replica::take_next(line.globals.data, own.front()));
  return true;
}

void add_refound(Command federation, Line& line) {
  Command command = federation.add(
      "refound",
      line.say("Fonde une fédération qui continue celle-ci, quand ses délégués sont perdus.",
               "Founds a federation that continues this one, when its delegates are lost."),
      "");
  const auto options = std::make_shared<federation::RefoundOptions>();
  command.take(
      line.say("NOM", "NAME"), [options](const std::string& name) { options->name = name; },
      line.say("Son nom ; sinon, le même", "Its name; else the same"));
  command.take(
      "--quorum", [options](const std::string& quorum) { options->quorum = quorum; },
      line.say("Voix pour admettre un membre ; sinon, comme avant",
               "Votes that admit a member; else as before"));
  command.flag("--yes", "yes", line.say("Ne demande rien", "Asks nothing"));
  command.then([&line, options] {
    line.action = [options](Line& parsed) { return run_refound(parsed, *options); };
  });
}

}  // namespace maillon::cli
