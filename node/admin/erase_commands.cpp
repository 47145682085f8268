#include <algorithm>

#include "node/admin/call.hpp"
#include "storage/store/erase.hpp"

/// Forgetting: what is asked for, who agrees, who has done it.
namespace maillon::admin {
namespace {

using namespace std::chrono_literals;
using storage::ErasureEffect;

/// RGPD, article 12(3): within one month.
constexpr auto kLate = std::chrono::days{30};
constexpr std::size_t kReasonMax = 1000;

/// One commit's wishes about one record, and what became of them.
struct Listed {
  CommitId id = CommitId::zero();
  Place place;
  std::string collection;
  RecordId record = RecordId::zero();
  MemberId by = MemberId::zero();
  UnixMillis time{};
  std::string reason;
  std::uint32_t destroyed = 0;
  std::uint32_t hidden = 0;
  std::uint32_t forgotten = 0;  ///< of the hidden ones: this node cannot see what they said
  std::uint32_t lifted = 0;
  std::set<MemberId> awaited;  ///< whose word would do, or that of the delegates
  std::int64_t log = 0;

  [[nodiscard]] const char* state() const {
    if (hidden > 0) return "waiting";
    return lifted > 0 && destroyed == 0 ? "lifted" : "done";
  }
};

std::string reason_of(const storage::Commit& commit) {
  for (const Op& op : commit.body.ops.ops)
    for (const OpField& field : commit.body.ops.fields_of(op)) {
      if (field.name != storage::kReasonField || !op.payload_ok) continue;
      if (const auto value = Value::decode(field.value)) return value->text();
    }
  return {};
}

Result<void> count(replica::Reader& reader, Listed& out) {
  auto& records = reader.records();
  MAILLON_TRY(const auto asked, records.erasures().asked_by(out.log));
  for (const storage::Erasure& erasure : asked) {
    MAILLON_TRY(const auto target, records.commits().get(erasure.target.commit));
    if (target->body.ops.ops[erasure.target.leaf - 1].id != out.record) continue;
    if (erasure.effect == ErasureEffect::destroys) ++out.destroyed;
    if (erasure.effect == ErasureEffect::none) ++out.lifted;
    // What it hides may be gone through another one.
    MAILLON_TRY(const bool hides, records.erasures().hides_something(erasure));
    if (!hides) continue;
    ++out.hidden;
    out.forgotten += target->body.ops.ops[erasure.target.leaf - 1].state != LeafState::full ? 1 : 0;
    MAILLON_TRY(const auto whose, records.erasures().meant_member(erasure.target));
    if (whose) out.awaited.insert(*whose);
  }
  return {};
}

Result<std::vector<Listed>> all_erasures(Call& call) {
  const auto places = call.readable_spaces();
  const auto found = call.replica().read<std::vector<Listed>>(
      [&](replica::Reader& reader) -> Result<std::vector<Listed>> {
        std::vector<Listed> out;
        {
          MAILLON_TRY(auto get, reader.database().prepare(
                                    "SELECT DISTINCT e.log, c.name, e.rid, s.sid FROM erasure e"
                                    " JOIN collection c ON c.id = e.collection"
                                    " JOIN space s ON s.id = c.space ORDER BY e.log"));
          for (;;) {
            MAILLON_TRY(const bool more, get.step());
            if (!more) break;
            Listed one;
            one.log = get.integer(0);
            one.collection = get.text(1);
            MAILLON_TRY(one.record, RecordId::from_bytes(get.blob(2)));
            MAILLON_TRY(const SpaceId space, SpaceId::from_bytes(get.blob(3)));
            const auto place = std::ranges::find(places, space, &Place::id);
            if (place == places.end()) continue;
            one.place = *place;
            out.push_back(std::move(one));
          }
        }
        for (Listed& one : out) {
          MAILLON_TRY(const auto commit, reader.records().commits().get(one.log));
          one.id = commit->id;
          one.by = commit->header.member;
          one.time = commit->header.hlc.time();
          one.reason = reason_of(*commit);
          MAILLON_CHECK(count(reader, one));
        }
        return out;
      });
  if (found.has_error()) return found.error();
  return *found;
}

bool is_late(const Listed& erasure, UnixMillis now) { return now - erasure.time > kLate; }

/// Nodes that hold the space, by whether they said that it is done.
struct Receipts {
  std::vector<const storage::NodeInfo*> confirmed;
  std::vector<const storage::NodeInfo*> awaited;
};
Receipts receipts_of(const storage::Trust& trust, const Listed& erasure) {
  Receipts out;
  const auto said = trust.receipts().find(erasure.id);
  for (const auto& [id, node] : trust.nodes()) {
    if (node.revoked || !trust.may_read(node.member, erasure.place.id)) continue;
    const bool done = said != trust.receipts().end() && said->second.contains(id) &&
                      said->second.at(id) >= erasure.destroyed;
    (done ? out.confirmed : out.awaited).push_back(&node);
  }
  return out;
}

void write_nodes(JsonWriter& json, const Call& call, const char* name,
                 const std::vector<const storage::NodeInfo*>& nodes) {
  json.key(name).array();
  for (const storage::NodeInfo* node : nodes)
    json.object()
        .field("node_id", node->id.hex())
        .field("member_id", node->member.hex())
        .field("name", call.name_of(node->member))
        .end_object();
  json.end_array();
}

std::string names_of(const Call& call, const std::vector<const storage::NodeInfo*>& nodes) {
  std::set<std::string> names;
  for (const storage::NodeInfo* node : nodes) names.insert(call.name_of(node->member));
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + for_terminal(name, 60);
  return out;
}

std::string of_delegates(const Call& call) {
  return call.delegates() > 1 ? call.say("de deux délégués", "of two delegates")
                              : call.say("du délégué", "of the delegate");
}

/// Who must still speak, in words.
std::string awaited_words(const Call& call, const Listed& erasure) {
  std::string names;
  for (const MemberId& member : erasure.awaited)
    names += (names.empty() ? "" : ", ") + for_terminal(call.name_of(member), 60);
  const std::string unseen =
      erasure.forgotten == 0
          ? ""
          : call.say(", dont {} déjà oubliée(s) ici, qui ne le disai(en)t peut-être pas",
                     ", of which {} are forgotten here, and may not have said it", erasure.forgotten);
  return call.say("  {} écriture(s) seulement cachée(s){} : attend l’accord de {}, ou {} "
                  "(« maillon erasures confirm {} »)\n",
                  "  {} op(s) merely hidden{}: waits for the word of {}, or {} "
                  "(`maillon erasures confirm {}`)\n",
                  erasure.hidden, unseen, names, of_delegates(call), shortened(erasure.id));
}

std::string in_words(const Call& call, const storage::Trust& trust, const Listed& erasure,
                     bool late) {
  std::string out = fmt::format(
      "{}  {}  {}/{}  {}\n", shortened(erasure.id), local(erasure.time),
      for_terminal(erasure.collection, 60), erasure.record.hex(),
      call.say("demandé par {}", "asked by {}", for_terminal(call.name_of(erasure.by), 60)));
  if (!erasure.reason.empty())
    out += call.say("  raison : {}\n", "  reason: {}\n", for_terminal(erasure.reason, 400));
  if (erasure.hidden > 0) out += awaited_words(call, erasure);
  if (erasure.lifted > 0)
    out += call.say("  refusé pour {} écriture(s)\n", "  refused for {} op(s)\n", erasure.lifted);
  if (erasure.destroyed == 0) return out;
  const Receipts receipts = receipts_of(trust, erasure);
  out += erasure.hidden > 0 ? call.say("  le reste est effacé ici", "  the rest is erased here")
                            : call.say("  effacé ici", "  erased here");
  out += call.say(" ; confirmé par {} nœud(s) sur {}\n", "; confirmed by {} of {} node(s)\n", receipts.confirmed.size(),
                  receipts.confirmed.size() + receipts.awaited.size());
  if (!receipts.awaited.empty())
    out += late ? call.say("  en retard (plus de 30 jours) : {}\n", "  late (over 30 days): {}\n",
                           names_of(call, receipts.awaited))
                : call.say("  pas encore : {}\n", "  not yet: {}\n",
                           names_of(call, receipts.awaited));
  return out;
}

Result<storage::ErasureWish> wish_of(Call& call, const Place& place) {
  storage::ErasureWish out;
  MAILLON_TRY(out.collection, call.need("collection"));
  MAILLON_TRY(const std::string id, call.need("id"));
  MAILLON_TRY(out.id, call.identify(place, out.collection, id));
  out.fields = call.all("field");
  out.words = call.text("words");
  out.reason = call.text("reason");
  const bool blank = call.has("words") && out.words.empty();
  const bool unnamed = std::ranges::any_of(out.fields, &std::string::empty);
  if (blank || unnamed)
    return said(Errc::usage, "--words and --field want a text", "--words et --field attendent un texte",
                "leave them out to erase the whole record", "sans eux, toute la fiche est effacée");
  if (out.reason.size() > kReasonMax || !is_utf8(out.reason))
    return said(Errc::usage, "the reason is too long", "la raison est trop longue",
                "use at most 1,000 bytes, and no name of a person",
                "1 000 octets au plus, et aucun nom de personne");
  return out;
}

std::string what_goes(const Call& call, const storage::ErasureWish& wish,
                      const storage::ErasureOutcome& outcome) {
  std::size_t ops = 0;
  for (const auto& [member, count] : outcome.ops) ops += count;
  std::string fields;
  for (const std::string& field : outcome.fields)
    fields += (fields.empty() ? "" : ", ") + for_terminal(field, 60);
  const auto said_words = [&] {
    return wish.words.empty() ? call.say("", "")
                              : call.say(", là où il est écrit « {} » (les textes et les listes gardent le "
                                         "reste, les autres valeurs partent entières)",
                                         ", where they say `{}` (texts and lists keep the rest, other values "
                                         "go whole)",
                                         for_terminal(wish.words, 100));
  };
  std::string out =
      wish.fields.empty() && wish.words.empty()
          ? call.say("Efface pour toujours toute la fiche {}, avec son histoire ({} écriture(s) : "
                     "{}).\n",
                     "Erases for ever the whole record {}, with its history ({} op(s): {}).\n",
                     wish.id.hex(), ops, fields)
          : call.say("Efface pour toujours, de la fiche {} : {}{}, anciennes valeurs comprises ({} "
                     "écriture(s)).\n",
                     "Erases for ever, of the record {}: {}{}, with former values ({} op(s)).\n",
                     wish.id.hex(), fields, said_words(), ops);
  for (const auto& [member, count] : outcome.ops)
    if (member != call.self())
      out += call.say("  {} écriture(s) de {} : cachée(s) aussitôt, effacée(s) avec l’accord de ce membre, "
                      "ou {}.\n",
                      "  {} op(s) of {}: hidden at once, erased on the word of that member, or {}.\n",
                      count, for_terminal(call.name_of(member), 60), of_delegates(call));
  if (outcome.asked_before > 0)
    out += call.say("  {} écriture(s) d’autres sont déjà cachées et attendent : « maillon erasures ».\n",
                    "  {} op(s) of others are hidden already and wait: `maillon erasures`.\n",
                    outcome.asked_before);
  if (outcome.forgotten > 0)
    out += wish.words.empty()
               ? call.say("  {} ancienne(s) écriture(s), déjà oubliée(s) ici, part(ent) chez qui les a encore.\n",
                          "  {} former op(s), forgotten here already, go from whoever still has them.\n",
                          outcome.forgotten)
               : call.say("  {} ancienne(s) écriture(s), déjà oubliée(s) ici, le disai(en)t peut-être : elle(s) "
                          "part(ent) entière(s) chez qui les a encore.\n",
                          "  {} former op(s), forgotten here already, may have said it: they go whole from "
                          "whoever still has them.\n",
                          outcome.forgotten);
  if (outcome.ahead > 0)
    out += call.say("  {} écriture(s) datée(s) du futur restent : d’abord « maillon reissue ».\n",
                    "  {} op(s) dated in the future stay: first `maillon reissue`.\n", outcome.ahead);
  return out;
}

/// The one that an id, or its beginning, means.
Result<Listed> named(Call& call) {
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(const auto all, all_erasures(call));
  std::vector<Listed> found;
  for (const Listed& one : all)
    if (wanted.size() >= 6 && one.id.hex().starts_with(wanted)) found.push_back(one);
  if (!found.empty() && std::ranges::all_of(found, [&](const Listed& one) {
        return one.id == found.front().id;
      }))
    return found.front();
  if (found.empty())
    return said(Errc::not_found, "there is no erasure `" + for_terminal(wanted, 80) + "` here",
                "il n’y a pas d’effacement « " + for_terminal(wanted, 80) + " » ici",
                "`maillon erasures` lists them", "« maillon erasures » les montre");
  return said(Errc::refused, "`" + wanted + "` may mean several erasures",
              "« " + wanted + " » peut désigner plusieurs effacements", "give more of its id",
              "donnez un identifiant plus long");
}

bool decides(const Call& call, const storage::Trust& trust, const Listed& erasure) {
  const auto& delegates = trust.charter().delegates;
  const bool delegate = std::ranges::find(delegates, call.self()) != delegates.end();
  return erasure.hidden > 0 && (delegate || erasure.awaited.contains(call.self()));
}

Result<void> may_decide(const Call& call, const storage::Trust& trust, const Listed& erasure) {
  if (decides(call, trust, erasure)) return {};
  return said(Errc::not_allowed,
              "this member neither wrote what is to be erased nor is it a delegate",
              "ce membre n’a pas écrit ce qui est à effacer, et n’est pas délégué",
              "`maillon erasures` shows whose word is missing",
              "« maillon erasures » montre de qui l’accord est attendu");
}

/// Nobody agrees to what would change the rest.
Result<void> tells_the_truth(Call& call, const Listed& erasure) {
  const auto lie = call.replica().write<std::optional<std::string>>(
      [&](storage::Store& store) { return store.false_remainder(erasure.log); });
  if (lie.has_error()) return lie.error();
  if (!*lie) return {};
  const std::string field = for_terminal(**lie, 60);
  return said(Errc::refused,
              "what would be left of the field `" + field + "` is not what was written there",
              "ce qui resterait du champ « " + field + " » n’est pas ce qui y était écrit",
              "refuse it with `maillon erasures lift`, and erase it yourself with `maillon erase`",
              "refusez avec « maillon erasures lift », et effacez vous-même avec « maillon erase »");
}

Result<Reply> decide(Call& call, bool lift) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const Listed erasure, named(call));
  if (erasure.hidden == 0)
    return said(Errc::refused, "this erasure waits for nobody's word",
                "cet effacement n’attend l’accord de personne", "`maillon erasures` shows how it stands",
                "« maillon erasures » montre où il en est");
  MAILLON_CHECK(may_decide(call, *trust, erasure));
  if (!lift) MAILLON_CHECK(tells_the_truth(call, erasure));
  if (call.has("preview")) {
    JsonWriter json;
    json.object().field("id", erasure.id.hex()).end_object();
    return answer(call,
                  in_words(call, *trust, erasure, false) +
                      (lift ? call.say("Refuser : ce qui est caché reparaît partout.\n",
                                       "To refuse: what is hidden shows again everywhere.\n")
                            : call.say("Accepter : ce qui est caché est effacé pour toujours.\n",
                                       "To agree: what is hidden is erased for ever.\n")),
                  std::move(json));
  }
  MAILLON_CHECK(call.before_writing());
  const auto wrote = call.replica().writer().run_void([&](storage::Store& store) -> Result<void> {
    const std::vector<storage::GovernanceOp> ops{
        {OpKind::erasure_word, encode(ErasureWord{erasure.id, lift})}};
    MAILLON_TRY(const auto commit,
                store.write_governance(ops, call.replica().author(), call.replica().clock().now(),
                                       call.replica().rng()));
    (void)commit;
    return {};
  });
  if (wrote.has_error()) return wrote.error();
  MAILLON_TRY(const bool erased, call.finish_erasures());
  (void)erased;
  MAILLON_TRY(const Listed now, named(call));
  JsonWriter json;
  json.object().field("id", now.id.hex()).field("state", now.state()).end_object();
  const auto after = call.replica().trust();
  return answer(call, in_words(call, *after, now, false), std::move(json));
}

}  // namespace

Result<Reply> erase_record(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const Place place, call.place_to_write(collection));
  MAILLON_TRY(const auto wish, wish_of(call, place));
  const bool preview = call.has("preview");
  if (!preview) MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(call.may_write_in(place));
  auto& replica = call.replica();
  const auto done = replica.write<storage::ErasureOutcome>([&](storage::Store& store) {
    return store.erase(place.id, std::span{&wish, 1}, replica.author(), replica.clock().now(), replica.rng(),
                       preview);
  });
  if (done.has_error()) return done.error();
  if (done->ops.empty() && done->asked_before > 0)
    return said(Errc::refused, "that was asked for before: it is hidden, and waits for a word",
                "c’est déjà demandé : c’est caché, et attend un accord",
                "`maillon erasures` shows whose word is missing",
                "« maillon erasures » montre de qui l’accord est attendu");
  if (done->ops.empty() && done->ahead > 0)
    return said(Errc::refused, "what is to be erased is dated in the future",
                "ce qui est à effacer est daté du futur", "publish it again first: `maillon reissue`",
                "publiez-le d’abord à nouveau : « maillon reissue »");
  if (done->ops.empty() && !wish.words.empty())
    return said(Errc::not_found, "these words stand nowhere in what is left of the record",
                "ces mots ne figurent nulle part dans ce qui reste de la fiche",
                "they are looked for exactly as typed, with capitals, spaces and accents: copy them from `maillon "
                "history`, or erase the whole field with --field",
                "ils sont cherchés tels quels, majuscules, espaces et accents compris : copiez-les depuis "
                "« maillon history », ou effacez tout le champ avec --field");
  if (done->ops.empty())
    return said(Errc::not_found, "there is nothing of that to erase",
                "il n’y a rien de cela à effacer", "`maillon history` shows what is there",
                "« maillon history » montre ce qui est là");
  std::string text = what_goes(call, wish, *done);
  JsonWriter json;
  json.object().field("collection", collection).field("space", place.name).field("record",
                                                                                  wish.id.hex());
  json.key("ids").array();
  for (const auto& commit : done->commits) json.text(commit->id.hex());
  json.end_array().key("fields").array();
  for (const std::string& field : done->fields) json.text(field);
  json.end_array()
      .field("erased", done->own)
      .field("forgotten", done->forgotten)
      .field("ahead", done->ahead)
      .field("asked_before", done->asked_before)
      .key("waits_for")
      .array();
  for (const auto& [member, count] : done->ops)
    if (member != call.self())
      json.object()
          .field("member_id", member.hex())
          .field("name", call.name_of(member))
          .field("ops", count)
          .end_object();
  json.end_array().end_object();
  if (preview) return answer(call, std::move(text), std::move(json));
  if (const auto finished = call.finish_erasures(); finished.has_error()) {
    Reply out = answer(call, std::move(text), std::move(json));
    out.error = call.say("c’est effacé, mais le journal et l’index ne sont pas encore nettoyés ({}) : un "
                         "prochain « maillon sync », ou le démon, s’en charge",
                         "it is erased, but the journal and the index are not cleaned yet ({}): a next "
                         "`maillon sync`, or the daemon, does it",
                         sentence(finished.error(), call.language()));
    return out;
  }
  const bool waits = std::ranges::any_of(done->ops, [&](const auto& of) { return of.first != call.self(); });
  text += !waits ? call.say("Fait ici. « maillon erasures » montre qui d’autre l’a confirmé",
                            "Done here. `maillon erasures` shows who else has confirmed it")
          : done->own > 0
              ? call.say("Fait ici pour ce que ce membre a écrit ; le reste est caché et attend. « maillon "
                         "erasures » montre quel accord manque",
                         "Done here for what this member wrote; the rest is hidden and waits. `maillon "
                         "erasures` shows whose word is missing")
              : call.say("Caché, mais rien n’est encore effacé. « maillon erasures » montre quel accord manque",
                         "Hidden, but nothing is erased yet. `maillon erasures` shows whose word is missing");
  text += call.say(" ; les sauvegardes et les lots faits avant gardent ce qu’ils contiennent : détruisez-les.\n",
                   "; backups and bundles made before keep what they hold: destroy them.\n");
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> list_erasures(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const auto all, all_erasures(call));
  const auto now = call.replica().clock().now();
  JsonWriter json;
  json.object().key("erasures").array();
  std::string text;
  for (const Listed& one : all) {
    const bool late = is_late(one, now);
    const Receipts receipts = one.destroyed > 0 ? receipts_of(*trust, one) : Receipts{};
    json.object()
        .field("id", one.id.hex())
        .field("space", one.place.name)
        .field("collection", one.collection)
        .field("record", one.record.hex())
        .field("asked_by", one.by.hex())
        .field("asked_by_name", call.name_of(one.by))
        .field("time", utc(one.time))
        .field("reason", one.reason)
        .field("state", one.state())
        .field("erased", one.destroyed)
        .field("hidden", one.hidden)
        .field("hidden_forgotten", one.forgotten)
        .field("lifted", one.lifted)
        .key("waits_for")
        .array();
    for (const MemberId& member : one.awaited)
      json.object()
          .field("member_id", member.hex())
          .field("name", call.name_of(member))
          .end_object();
    json.end_array();
    write_nodes(json, call, "confirmed", receipts.confirmed);
    write_nodes(json, call, "waiting", late ? decltype(receipts.awaited){} : receipts.awaited);
    write_nodes(json, call, "overdue", late ? receipts.awaited : decltype(receipts.awaited){});
    json.end_object();
    text += in_words(call, *trust, one, late);
  }
  json.end_array().end_object();
  if (all.empty())
    text = call.say("Rien n’a été effacé.\n", "Nothing was erased.\n");
  return answer(call, std::move(text), std::move(json));
}

Result<ErasureConcerns> erasure_concerns(Call& call) {
  MAILLON_TRY(const auto trust, call.entered_federation());
  MAILLON_TRY(const auto all, all_erasures(call));
  const auto now = call.replica().clock().now();
  // Whoever has spoken is not asked again: another delegate may still be missing.
  const auto spoken = [&](const Listed& one) {
    const auto words = trust->erasure_words().find(one.id);
    return words != trust->erasure_words().end() &&
           (words->second.erase.contains(call.self()) || words->second.lift.contains(call.self()));
  };
  ErasureConcerns out;
  for (const Listed& one : all) {
    out.to_decide += decides(call, *trust, one) && !spoken(one);
    out.overdue += one.by == call.self() && one.destroyed > 0 && is_late(one, now) &&
                   !receipts_of(*trust, one).awaited.empty();
  }
  return out;
}

Result<Reply> confirm_erasure(Call& call) { return decide(call, /*lift=*/false); }
Result<Reply> lift_erasure(Call& call) { return decide(call, /*lift=*/true); }

}  // namespace maillon::admin
