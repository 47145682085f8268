#include "node/admin/call.hpp"

#include <algorithm>
#include <set>

#include "node/admin/admission_words.hpp"
#include "node/admin/clock_words.hpp"
#include "node/admin/parting.hpp"
#include "node/admin/schema.hpp"
#include "node/admin/space_names.hpp"
#include "node/catalogue/table_reader.hpp"
#include "node/federation/decisions.hpp"
#include "node/federation/proposal_names.hpp"
#include "node/replica/lookup.hpp"
#include "node/replica/scrub.hpp"
#include "node/replica/standing.hpp"

namespace maillon::admin {
namespace {

using namespace std::chrono_literals;

bool is_hex_id(std::string_view text) { return RecordId::from_hex(text).has_value(); }

/// Candidates that one sentence names; more of them help nobody.
constexpr std::size_t kNamed = 8;

Error ambiguous(const std::string& wanted, const std::string& where,
                const std::vector<replica::Candidate>& found) {
  std::string list;
  for (std::size_t i = 0; i < found.size() && i < kNamed; ++i) {
    const std::string title = title_of(found[i].record);
    list += fmt::format("{}{} ({}{}{})", i == 0 ? "" : ", ", found[i].id.hex(),
                        for_terminal(found[i].source, 60), title.empty() ? "" : ": ", title);
  }
  if (found.size() > kNamed) list += ", …";
  return said(
      Errc::refused,
      fmt::format("`{}` means {} records in {}: {}", wanted, found.size(), where, list),
      fmt::format("« {} » désigne {} fiches dans {} : {}", wanted, found.size(), where, list),
      "give the id of the record itself, from this list",
      "donnez l’identifiant de la fiche elle-même, pris dans cette liste");
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + for_terminal(name, 60);
  return out;
}

}  // namespace

std::vector<std::string> Call::all(const std::string& name) const {
  const auto found = request_.options.find(name);
  return found == request_.options.end() ? std::vector<std::string>{} : found->second;
}

std::string Call::text(const std::string& name, std::string otherwise) const {
  const auto found = request_.options.find(name);
  if (found == request_.options.end() || found->second.empty()) return otherwise;
  return found->second.front();
}

Result<std::string> Call::need(const std::string& name) const {
  std::string out = text(name);
  if (out.empty())
    return said(Errc::usage, "`" + name + "` is missing", "il manque « " + name + " »",
                "see the command's --help", "voyez --help de la commande");
  return out;
}

Result<std::int64_t> Call::number(const std::string& name, std::int64_t otherwise, std::int64_t min,
                                  std::int64_t max) const {
  if (!has(name)) return otherwise;
  const std::string digits = text(name);
  std::int64_t out = 0;
  const auto end = digits.data() + digits.size();
  const auto [at, bad] = std::from_chars(digits.data(), end, out);
  if (bad != std::errc{} || at != end || out < min || out > max)
    return said(Errc::usage, fmt::format("--{} must be a number from {} to {}", name, min, max),
                fmt::format("--{} doit être un nombre de {} à {}", name, min, max),
                fmt::format("for example --{} {}", name, otherwise),
                fmt::format("par exemple --{} {}", name, otherwise));
  return out;
}

Result<std::shared_ptr<const storage::Trust>> Call::federation() const {
  MAILLON_TRY(auto trust, entered_federation());
  if (trust->members().empty() && trust->former().empty()) return without_directory();
  return trust;
}

Result<std::shared_ptr<const storage::Trust>> Call::entered_federation() const {
  if (!context_.replica.federation()) return without_federation(context_.replica);
  return context_.replica.trust();
}

std::string Call::home_region() const {
  const auto& who = context_.replica.identity();
  const auto trust = context_.replica.trust();
  const storage::Member* member = trust->member(who.member);
  // An invitation may have fixed another region than `init` was told.
  if (member != nullptr) return member->region;
  const auto lapse = federation::lapse_of(*trust, who.member);
  return lapse ? lapse->admission->proposal->admit->region : who.region;
}

std::string Call::name_of(const MemberId& id) const {
  const auto trust = context_.replica.trust();
  const storage::Member* member = trust->ever_member(id);
  return member != nullptr ? member->name : std::string{};
}

std::size_t Call::delegates() const { return context_.replica.trust()->charter().delegates.size(); }

MemberId Call::self() const { return context_.replica.identity().member; }

Result<Place> Call::place(std::string_view collection) const {
  MAILLON_TRY(const auto trust, federation());
  std::string name = text("space");
  if (name.empty() && collection == "modules") name = "formation";
  if (name.empty()) {
    const std::string region = home_region();
    if (region.empty())
      return said(Errc::usage, "this member has no region, so no space of its own",
                  "ce membre n’a pas de région, donc pas d’espace à lui",
                  "name the space with --space; `maillon space list` shows them",
                  "indiquez l’espace avec --space ; « maillon space list » les montre");
    name = "catalogue/" + region;
  }
  const SpaceNames names{*trust, self()};
  MAILLON_TRY(const storage::Space* space, names.meant(name));
  if (!names.reads(*space))
    return said(Errc::not_allowed, "this member may not read the space `" + name + "`",
                "ce membre n’a pas le droit de lire l’espace « " + name + " »",
                "`maillon space list` shows who may", "« maillon space list » montre qui le peut");
  std::string typed = names.typed(space->id, space->declaration.name);
  return Place{space->id, typed, typed};
}

Result<Place> Call::place_to_write(std::string_view collection) const {
  MAILLON_TRY(auto out, place(collection));
  if (out.id != context_.replica.trust()->annuaire()) return out;
  return said(Errc::refused, "`annuaire` holds decisions, and no records",
              "« annuaire » contient des décisions, et pas de fiches",
              "leave out --space, or name another one: `maillon space list` shows them; decisions "
              "are made with `maillon propose`",
              "n’écrivez pas --space, ou nommez-en un autre : « maillon space list » les montre ; "
              "les décisions se prennent avec « maillon propose »");
}

std::vector<Place> Call::readable_spaces() const {
  std::vector<Place> out;
  const auto trust = context_.replica.trust();
  const SpaceNames names{*trust, self()};
  for (const storage::Space* space : names.all())
    if (const std::string& name = space->declaration.name; names.reads(*space))
      out.push_back({space->id, name, names.typed(space->id, name)});
  // By name for people, and annuaire, on which all else rests, first.
  std::ranges::stable_partition(out, [](const Place& p) { return p.name == storage::kAnnuaire; });
  return out;
}

Result<RecordId> Call::identify(const Place& place, const std::string& collection,
                                const std::string& wanted) {
  using Candidates = std::vector<replica::Candidate>;
  const auto found = replica().read<Candidates>([&](replica::Reader& reader) {
    return replica::candidates(reader, place.id, collection, wanted);
  });
  if (found.has_error()) return found.error();
  const std::string shown = for_terminal(wanted, 80);
  const std::string where = place.name + ", " + for_terminal(collection, 60);
  if (found->size() > 1) return ambiguous(shown, where, *found);
  if (!found->empty()) return found->front().id;
  MAILLON_CHECK(expect_collection(collection));
  const bool hex = is_hex_id(wanted);
  return said(Errc::not_found, fmt::format("there is no record `{}` in {}", shown, where),
              fmt::format("il n’y a pas de fiche « {} » dans {}", shown, where),
              hex ? "check the id, or ask with `maillon why`"
                  : "give the id of the record or the one of its source",
              hex ? "vérifiez l’identifiant, ou demandez « maillon why »"
                  : "donnez l’identifiant de la fiche ou celui de sa source");
}

Result<void> Call::expect_collection(const std::string& collection) {
  // Those that this version knows by name are none the less right before anything was written.
  if (collection == "lieux" || collection == "modules") return {};
  std::set<std::string> names;
  for (const Place& place : readable_spaces()) {
    const auto some = replica().read<std::vector<std::string>>(
        [&](replica::Reader& reader) { return reader.collections(place.id); });
    if (some.has_error()) return some.error();
    names.insert(some->begin(), some->end());
  }
  if (names.contains(collection)) return {};
  names.erase(std::string{kSchemas});
  const std::string name = for_terminal(collection, 80);
  const std::string there = joined(names);
  if (there.empty())
    return said(Errc::not_found, "no collection `" + name + "` here; nothing was written yet",
                "pas de collection « " + name + " » ici ; rien n’a encore été écrit",
                "import a file, or run `maillon sync`",
                "importez un fichier, ou lancez « maillon sync »");
  return said(Errc::not_found, "no collection `" + name + "` here; there are: " + there,
              "pas de collection « " + name + " » ici ; il y a : " + there, "check the name",
              "vérifiez le nom");
}

std::string Call::elsewhere(const Place& place, const std::string& collection) {
  const auto count = [&](const Place& where) {
    const auto many = replica().read<std::int64_t>([&](replica::Reader& reader) {
      return replica::count_visible(reader, where.id, collection);
    });
    return many.has_value() ? *many : 0;
  };
  if (count(place) > 0) return {};
  std::string out;
  for (const Place& other : readable_spaces()) {
    const std::int64_t many = other.id == place.id ? 0 : count(other);
    if (many > 0)
      out += say(" ; {} en a {} (--space {})", "; {} has {} (--space {})",
                 for_terminal(other.name, 60), grouped(many),
                 for_terminal(other.typed, 80));
  }
  if (out.empty()) return {};
  return say("rien dans {}{}", "nothing in {}{}", for_terminal(place.name, 60), out);
}

void Call::hear_own_feeds() {
  writes_ = true;
  if (context_.peers != nullptr) context_.peers->hear_own_tips(3s);
}

Result<void> Call::before_writing() {
  hear_own_feeds();
  return still_speaks();
}

Result<void> Call::before_deciding() {
  MAILLON_CHECK(before_writing());
  return check_clock(*this);
}

Result<void> Call::still_member() {
  const auto trust = replica().trust();
  if (const auto lapse = federation::lapse_of(*trust, self())) return lapsed(*trust, *lapse);
  if (auto ahead = left_ahead(replica())) return *std::move(ahead);
  const auto parting = parting_of(*trust, self());
  if (!parting) return {};
  return said(
      Errc::not_allowed, parting_in_words(*parting, Language::english),
      parting_in_words(*parting, Language::french),
      "what is here stays yours: `maillon export --collection C -o FILE` takes along what counts, "
      "`maillon backup -o FILE` all of it",
      "ce qui est ici reste à vous : « maillon export --collection C -o FICHIER » emporte ce qui "
      "compte, « maillon backup -o FICHIER » le tout");
}

Result<void> Call::still_speaks() {
  MAILLON_CHECK(still_member());
  return has_good_key();
}

Result<void> Call::has_good_key() {
  const auto trust = replica().trust();
  if (const auto* by = federation::certificate_void_by(*trust, replica().identity().node)) {
    const std::string name = federation::ProposalNames{*trust}.brief(by->id);
    return said(Errc::not_allowed,
                "the 24 words by which this node speaks for its member were replaced by decision " +
                    name + ": what it writes counts for nothing",
                "les 24 mots par lesquels ce nœud parle pour son membre ont été remplacés par la "
                "décision " + name + " : ce qu’il écrit ne compte pas",
                "if this machine is yours, `maillon node rotate` gives it a new key by the new words, "
                "and `maillon reissue --all` publishes what it wrote",
                "si cette machine est la vôtre, « maillon node rotate » lui donne une autre clé avec "
                "les nouveaux mots, et « maillon reissue --all » publie ce qu’elle a écrit");
  }
  if (!key_was_taken_back(*trust, replica().identity().node)) return {};
  return said(Errc::not_allowed,
              "the key of this node was taken back: what it writes counts for nothing",
              "la clé de ce nœud a été reprise : ce qu’il écrit ne compte pas",
              "if this machine is still yours, `maillon node rotate` gives it a new key by the 24 "
              "words, and `maillon reissue` says what it wrote since; else make a new node of this "
              "member in a new folder: `maillon init --recover`, then `maillon join CODE`",
              "si cette machine est toujours la vôtre, « maillon node rotate » lui donne une autre "
              "clé avec les 24 mots, et « maillon reissue » dit ce qu’elle a écrit depuis ; sinon "
              "créez un nouveau nœud de ce membre dans un nouveau dossier : « maillon init "
              "--recover », puis « maillon join CODE »");
}

Result<void> Call::nothing_late_in(const Place& place) {
  const auto trust = replica().trust();
  const auto late = replica().read<std::size_t>([&](replica::Reader& reader) {
    return replica::late_commits(reader.log(), *trust, replica().identity(),
                                 replica().clock().now(), place.id);
  });
  if (late.has_error()) return late.error();
  if (*late == 0) return {};
  // What is written now would stand before it, and take its place.
  return said(Errc::refused,
              fmt::format("{} commit(s) that this node wrote here have no effect, since the others "
                          "settled something that they had not seen", *late),
              fmt::format("{} commit(s) écrits ici par ce nœud sont sans effet, car les autres ont "
                          "arrêté ce qu’ils ne connaissaient pas", *late),
              "run `maillon reissue` first, which publishes them again",
              "lancez d’abord « maillon reissue », qui les publie à nouveau");
}

Result<void> Call::may_write_in(const Place& place) {
  MAILLON_CHECK(still_member());
  const auto trust = replica().trust();
  const MemberId self = replica().identity().member;
  const bool writes = trust->may_write(self, place.id);
  if (writes && trust->may_read(self, place.id)) return nothing_late_in(place);
  const std::string name = for_terminal(place.name, 60);
  if (!writes)
    return said(Errc::not_allowed, "this member may not write in `" + name + "`",
                "ce membre n’a pas le droit d’écrire dans « " + name + " »",
                "`maillon space list` shows who may", "« maillon space list » montre qui le peut");
  return said(
      Errc::not_allowed,
      "this member may no longer read `" + name +
          "`: nothing of it is exchanged with this node, so nobody would get what it writes",
      "ce membre n’a plus le droit de lire « " + name +
          " » : ce nœud n’échange plus rien de cet espace, et personne ne recevrait ce qu’il "
          "y écrit",
      "a delegate can propose it: `maillon propose widen`",
      "un délégué peut le proposer : « maillon propose widen »");
}

Result<Call::Wrote> Call::write_one(const Place& place, const storage::Change& change) {
  MAILLON_CHECK(before_writing());
  MAILLON_CHECK(may_write_in(place));
  return replica().write<Wrote>([&](storage::Store& store) -> Result<Wrote> {
    MAILLON_TRY(const auto written, store.write(place.id, std::span{&change, 1}, replica().author(),
                                                replica().clock().now(), replica().rng()));
    Wrote out;
    out.outcome = written.outcomes.front();
    if (!written.commits.empty()) out.commit = written.commits.back()->id;
    return out;
  });
}

Result<bool> Call::finish_erasures() {
  MAILLON_TRY(const bool any, replica::erasures_to_finish(replica()));
  if (!any) return false;
  // A key taken back confirms nothing; what it destroyed is gone all the same.
  if (context_.peers != nullptr) context_.peers->hear_own_tips(3s);
  return replica::finish_erasures(replica());
}

bool key_was_taken_back(const storage::Trust& trust, const NodeId& node) {
  const auto known = trust.nodes().find(node);
  return known != trust.nodes().end() && known->second.revoked;
}

Reply answer(const Call& call, std::string text, JsonWriter json) {
  Reply out;
  if (call.wants_json())
    out.json = json.take();
  else
    out.text = std::move(text);
  return out;
}

Reply preview(const Call& call, const std::string& text) {
  JsonWriter json;
  json.object().field("text", text).end_object();
  return answer(call, text + "\n", std::move(json));
}

Reply with_error(const Call& call, Reply reply, const Error& error) {
  Request request;
  request.language = call.language();
  request.json = call.wants_json();
  const Reply told = failure(request, error);
  reply.exit_code = told.exit_code;
  reply.error = told.error;
  // Two objects become one: {…} and {"error": …}.
  if (!reply.json.empty()) reply.json.back() = ',';
  if (!told.json.empty()) reply.json += told.json.substr(reply.json.empty() ? 0 : 1);
  return reply;
}

void write_fields(JsonWriter& json, const replica::RecordView& record) {
  json.key("fields").object();
  for (const auto& field : record.fields) json.key(field.name).value(field.value);
  json.end_object().key("conflicts").object();
  for (const auto& field : record.fields) {
    if (field.others.empty()) continue;
    json.key(field.name).array().value(field.value);
    for (const auto& other : field.others) json.value(other.value);
    json.end_array();
  }
  json.end_object();
}

std::string value_in_words(const replica::FieldView& field, const Value& value, Language language) {
  if (value.is_null()) return say(language, "(vidé)", "(cleared)");
  const std::string shown = value.display();
  const auto all = field.values();
  const bool alone = std::ranges::count_if(all, [&](const replica::TypedValue& one) {
                       return one.value.display() == shown;
                     }) <= 1;
  if (alone && !shown.empty()) return for_terminal(shown, 2000);
  std::string json;
  append_json_value(json, value);
  return for_terminal(json, 2000);
}

std::string fields_in_words(const replica::RecordView& record, Language language,
                            const Schema* schema) {
  std::string out;
  for (const auto& field : record.fields) {
    const FieldSchema* known = schema == nullptr ? nullptr : schema->field(field.name);
    const std::string label = known == nullptr ? field.name : label_of(*known, language);
    const std::string name =
        for_terminal(label == field.name ? label : label + " (" + field.name + ")");
    const std::string shown =
        !field.readable        ? say(language, "(illisible par cette version)", "(not readable here)")
        : field.others.empty() ? for_terminal(field.value.display(), 2000)
                               : value_in_words(field, field.value, language);
    out += fmt::format("  {} = {}\n", name, shown);
    for (const auto& other : field.others)
      out += say(language, "    en conflit avec : {}\n", "    in conflict with: {}\n",
                 value_in_words(field, other.value, language));
  }
  return out;
}

std::string title_of(const replica::RecordView& record) {
  for (const char* name : {"nom", "titre", "name"}) {
    auto field = std::ranges::find(record.fields, name, &replica::FieldView::name);
    if (field == record.fields.end())
      field = std::ranges::find_if(record.fields, [&](const replica::FieldView& one) {
        return catalogue::is_same_column(one.name, name);
      });
    if (field != record.fields.end()) return for_terminal(field->value.display(), 80);
  }
  return {};
}

}  // namespace maillon::admin
