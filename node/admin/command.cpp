#include "node/admin/command.hpp"

#include "node/admin/call.hpp"
#include "node/admin/clock_words.hpp"

namespace maillon::admin {
namespace {

Result<Reply> export_known(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_CHECK(call.expect_collection(collection));
  MAILLON_TRY(Reply out, export_table(call));
  if (const auto place = call.place(collection); place.has_value() && out.error.empty())
    out.error = call.elsewhere(*place, collection);
  return out;
}

const std::map<std::string, Handler, std::less<>>& handlers() {
  static const std::map<std::string, Handler, std::less<>> kAll{
      {"get", get_record},
      {"find", find_records},
      {"put", put_record},
      {"delete", delete_record},
      {"history", show_history},
      {"conflicts", list_conflicts},
      {"resolve", resolve_conflict},
      {"why", explain},
      {"prove", prove},
      {"schema list", list_schemas},
      {"schema show", show_schema},
      {"schema add", add_schema},
      {"erase", erase_record},
      {"erasures", list_erasures},
      {"erasures confirm", confirm_erasure},
      {"erasures lift", lift_erasure},
      {"import", import_table},
      {"export", export_known},
      {"status", show_status},
      {"member list", list_members},
      {"member show", show_member},
      {"space list", list_spaces},
      {"node list", list_nodes},
      {"federation create", create_federation},
      {"federation show", show_federation},
      {"propose", propose_decision},
      {"proposal list", list_proposals},
      {"proposal show", show_proposal},
      {"vote", cast_vote},
      {"leave", leave_federation},
      {"evidence", show_evidence},
      {"space create", create_space},
      {"space subscribe", subscribe_space},
      {"node add", add_node},
      {"node revoke", revoke_node},
      {"node rotate", rotate_node},
      {"invite", make_invitation},
      {"join", join_federation},
      {"peer add", add_peer},
      {"peer list", list_peers},
      {"peer remove", remove_peer},
      {"sync", sync_now},
      {"reissue", reissue_stranded},
      {"backup", back_up},
      {"verify", verify_all},
      {"bundle export", export_bundle},
      {"bundle import", import_bundle},
  };
  return kAll;
}

std::string_view name_of(Errc code) noexcept {
  switch (code) {
    case Errc::malformed:
      return "malformed";
    case Errc::refused:
      return "refused";
    case Errc::usage:
      return "usage";
    case Errc::not_found:
      return "not_found";
    case Errc::not_allowed:
      return "not_allowed";
    case Errc::unavailable:
      return "unavailable";
    case Errc::integrity:
      return "integrity";
    case Errc::io:
      return "io";
    case Errc::full:
      return "full";
    case Errc::busy:
      return "busy";
    case Errc::newer_version:
      return "newer_version";
  }
  return "refused";
}

/// What went wrong, when only a log knows the words for it.
std::string_view in_french(Errc code) noexcept {
  switch (code) {
    case Errc::malformed:
      return "données illisibles";
    case Errc::integrity:
      return "données abîmées";
    case Errc::io:
      return "le système a refusé une opération";
    case Errc::full:
      return "une limite est atteinte";
    case Errc::busy:
      return "la base est occupée";
    case Errc::unavailable:
      return "indisponible";
    case Errc::not_found:
      return "introuvable";
    case Errc::not_allowed:
      return "interdit";
    default:
      return "refusé";
  }
}

Result<Reply> dispatch(const Request& request, Context& context) {
  const auto found = handlers().find(request.command);
  if (found == handlers().end())
    return said(Errc::usage, "there is no command `" + request.command + "`",
                "il n’y a pas de commande « " + request.command + " »", "see `maillon --help`",
                "voyez « maillon --help »");
  Call call{request, context};
  MAILLON_TRY(Reply reply, found->second(call));
  // What was written stays; but nobody else sees it for a while.
  if (call.writes() && reply.exit_code == 0 && reply.error.empty())
    if (const auto wrong = check_clock(call); wrong.has_error())
      reply.error = what(wrong.error(), request.language);
  return reply;
}

}  // namespace

std::optional<Digest> DigestCache::find(const Key& key) const {
  const std::lock_guard lock{mutex_};
  const auto known = last_.find(key.space);
  if (known == last_.end() || known->second.first != key) return std::nullopt;
  return known->second.second;
}

void DigestCache::put(const Key& key, const Digest& digest) {
  const std::lock_guard lock{mutex_};
  last_.insert_or_assign(key.space, std::pair{key, digest});
}

int exit_code_of(Errc code) noexcept {
  switch (code) {
    case Errc::usage:
      return 2;
    case Errc::not_found:
      return 3;
    case Errc::not_allowed:
      return 4;
    case Errc::unavailable:
      return 5;
    case Errc::integrity:
      return 6;
    default:
      return 1;
  }
}

std::string what(const Error& error, Language language) {
  if (language == Language::english) return error.detail;
  if (!error.fr.empty()) return error.fr;
  return fmt::format("{} ({})", in_french(error.code), error.detail);
}

std::string what_to_do(const Error& error, Language language) {
  const bool french = language == Language::french;
  const std::string& hint = french ? error.hint_fr : error.hint;
  if (!hint.empty() || error.code != Errc::integrity) return hint;
  return french ? "« maillon verify » dit ce qui est abîmé ; restaurez une sauvegarde, ou repartez "
                  "d’un dossier neuf : les pairs renverront tout"
                : "`maillon verify` says what is damaged; restore a backup, or start afresh and let "
                  "the peers send everything again";
}

std::string sentence(const Error& error, Language language) {
  const std::string hint = what_to_do(error, language);
  std::string out = for_terminal(what(error, language), 1000);
  if (!hint.empty()) out += " — " + for_terminal(hint, 1000);
  return out;
}

Reply failure(const Request& request, const Error& error) {
  Reply out;
  out.exit_code = exit_code_of(error.code);
  out.error = sentence(error, request.language);
  if (request.json) {
    JsonWriter json;
    json.object().key("error").object();
    json.field("code", name_of(error.code)).field("message", what(error, request.language));
    json.field("hint", what_to_do(error, request.language));
    json.end_object().end_object();
    out.json = json.take();
  }
  return out;
}

Reply run(const Request& request, Context& context) {
  try {
    auto result = dispatch(request, context);
    if (result.has_error()) return failure(request, result.error());
    return *std::move(result);
  } catch (const std::exception& thrown) {
    // Libraries throw on construction, and memory may run out; the daemon goes on.
    return failure(request, Error{Errc::io, thrown.what()});
  }
}

}  // namespace maillon::admin
