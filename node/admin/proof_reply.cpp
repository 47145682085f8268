#include "node/admin/proof_reply.hpp"

#include <algorithm>

#include "node/admin/call.hpp"
#include "node/admin/parting.hpp"
#include "node/admin/typed_fields.hpp"
#include "storage/merge/document.hpp"

/// What a proof shows, in words and as JSON.
namespace maillon::admin {
namespace {

using replica::HistoryEntry;

/// Whether what is shown of such a field is made of what several ops said, rather than one of them.
bool is_made_of_many(std::uint32_t tag) {
  const auto is = [&](FieldTag one) { return tag == static_cast<std::uint32_t>(one); };
  return storage::merge::has_elements(tag) || is(FieldTag::counter) || is(FieldTag::max) ||
         is(FieldTag::min);
}

/// All that is told of a proof that holds.
struct Shown {
  const storage::CheckedProof& proof;
  const storage::Trust& trust;
  replica::RecordView record;
  std::vector<HistoryEntry> live;  ///< of what is shown, and deletes
  bool expected = false;           ///< the federation is the one that was asked for
  Language language = Language::english;

  [[nodiscard]] std::string name_of(const MemberId& member) const {
    const storage::Member* known = trust.ever_member(member);
    return known == nullptr ? std::string{} : known->name;
  }
  [[nodiscard]] const storage::Space& space() const { return *trust.space(proof.space); }
};

Result<Shown> shown_by(const storage::CheckedProof& proof, bool expected, Language language) {
  replica::Reader reader{proof.store->database()};
  reader.records().set_owner_rule([&](const MemberId& owner, const MemberId& author) {
    return proof.store->trust()->may_change_of(owner, author);
  });
  MAILLON_TRY(auto record, reader.get(proof.space, proof.collection, proof.id));
  MAILLON_TRY(auto entries, reader.history(proof.space, proof.collection, proof.id));
  if (!record)
    return said(Errc::integrity, "the proof shows no record", "la preuve ne montre aucune fiche",
                "do not rely on it; ask whoever made it for another one",
                "ne vous y fiez pas ; demandez-en une autre à qui l’a faite");
  // Of a list or text that others went on writing, what was only taken out is no part any more.
  std::erase_if(entries, [](const HistoryEntry& e) {
    return e.superseded || e.is_void || (e.erased && e.removed > 0 && e.added == 0);
  });
  return Shown{proof, *proof.store->trust(), *std::move(record), std::move(entries), expected,
               language};
}

void write_entries(JsonWriter& json, const Shown& shown) {
  json.key("entries").array();
  for (const HistoryEntry& entry : shown.live) {
    json.object().key("field");
    entry.removes ? json.null() : json.text(entry.field);
    json.key("value").value(entry.value);
    json.field("operation", entry.removes ? "delete" : "write")
        .field("erased", entry.erased)
        .field("author", entry.author.hex())
        .field("author_name", shown.name_of(entry.author))
        .field("node_id", entry.node.hex())
        .field("time", utc(entry.time))
        .field("commit", entry.commit.hex());
    if (!entry.removes) json.field("type", word_for(static_cast<FieldTag>(entry.tag)));
    if (entry.removed > 0) json.field("elements_removed", entry.removed);
    if (entry.erased_elements > 0) json.field("elements_erased", entry.erased_elements);
    json.end_object();
  }
  json.end_array();
}

void write_authors(JsonWriter& json, const Shown& shown) {
  std::map<MemberId, std::set<std::string>> fields;
  for (const HistoryEntry& entry : shown.live) {
    auto& of_author = fields[entry.author];
    if (!entry.removes) of_author.insert(entry.field);
  }
  json.key("authors").array();
  for (const auto& [member, names] : fields) {
    const storage::Member* known = shown.trust.ever_member(member);
    json.object()
        .field("member_id", member.hex())
        .field("name", shown.name_of(member))
        .field("region", known == nullptr ? std::string{} : known->region)
        .field("status", shown.trust.member(member) != nullptr ? "member" : "former")
        .key("fields")
        .array();
    for (const std::string& name : names) json.text(name);
    json.end_array().end_object();
  }
  json.end_array();
}

std::string as_json(const Shown& shown) {
  JsonWriter json;
  json.object()
      .field("valid", true)
      .field("federation_id", shown.proof.federation.hex())
      .field("federation", shown.trust.charter().name)
      .field("federation_expected", shown.expected)
      .field("space", shown.space().declaration.name)
      .field("collection", shown.proof.collection)
      .field("id", shown.proof.id.hex())
      .field("known_until", utc(shown.proof.latest.time()))
      .field("deleted", shown.record.deleted);
  write_fields(json, shown.record);
  write_authors(json, shown);
  write_entries(json, shown);
  json.end_object();
  return json.take();
}

std::string signed_by(const Shown& shown, const HistoryEntry& entry) {
  std::string name = for_terminal(shown.name_of(entry.author), 60);
  if (name.empty()) name = shortened(entry.author);
  std::string out =
      say(shown.language, "{} (nœud {}), le {}, commit {}", "{} (node {}), on {}, commit {}", name,
          shortened(entry.node), local(entry.time), shortened(entry.commit));
  if (const auto parting = parting_of(shown.trust, entry.author))
    out += say(shown.language, " ; {}", "; {}", parting_in_words(*parting, shown.language));
  return out;
}

std::string value_in_words(const Shown& shown, const HistoryEntry& entry) {
  if (entry.erased) return say(shown.language, "(contenu effacé)", "(content erased)");
  if (!entry.readable)
    return say(shown.language, "(illisible par cette version)", "(not readable here)");
  if (entry.value.is_null()) return say(shown.language, "(vidé)", "(cleared)");
  return "= " + for_terminal(entry.value.display(), 2000);
}

/// A value, or each of those in conflict, and under it who wrote it. Of a field that many make
/// together, what it shows, and who had a part in it.
std::string field_in_words(const Shown& shown, const std::string& name) {
  std::string out = fmt::format("  {}\n", for_terminal(name));
  for (const auto& field : shown.record.fields)
    if (field.name == name && is_made_of_many(field.tag))
      out += fmt::format("    = {}\n", for_terminal(field.value.display(), 2000));
  std::string last;
  for (const HistoryEntry& entry : shown.live) {
    if (entry.removes || entry.field != name) continue;
    const std::string value = value_in_words(shown, entry);
    if (!is_made_of_many(entry.tag) && value != last) out += fmt::format("    {}\n", value);
    if (!is_made_of_many(entry.tag)) last = value;
    const bool part = is_made_of_many(entry.tag) && !storage::merge::has_elements(entry.tag);
    out += fmt::format("      {}{}{}\n", part ? value + ": " : "", signed_by(shown, entry),
                       entry.erased_elements == 0
                           ? ""
                           : say(shown.language, " ; {} élément(s) effacé(s)", "; {} element(s) erased",
                                 entry.erased_elements));
  }
  return out;
}

std::string in_words(const Shown& shown) {
  const auto word = [&](std::string_view fr, std::string_view en) {
    return std::string{shown.language == Language::french ? fr : en};
  };
  std::string out = word("Preuve valable : chaque valeur est signée par qui est nommé sous elle.\n",
                         "The proof holds: each value is signed by whoever is named below it.\n");
  out += say(shown.language, "Fédération : {}\n  {}\n", "Federation: {}\n  {}\n",
             for_terminal(shown.trust.charter().name), shown.proof.federation.hex());
  out += shown.expected
             ? word("  C’est bien celle attendue.\n", "  It is the expected one.\n")
             : word("  N’importe qui peut fonder une fédération sous ce nom : comparez cet "
                    "identifiant avec celui\n  que vous connaissez, ou donnez-le avec "
                    "--federation.\n",
                    "  Anybody can found a federation of that name: compare this id with the one "
                    "that you know,\n  or give it with --federation.\n");
  out += say(shown.language, "Fiche {} ({}, {}){}\n", "Record {} ({}, {}){}\n",
             shown.proof.id.hex(), for_terminal(shown.proof.collection, 60),
             for_terminal(shown.space().declaration.name, 60),
             shown.record.deleted ? word(" : supprimée", ": deleted") : "");
  std::set<std::string> names;
  for (const HistoryEntry& entry : shown.live) {
    if (entry.removes)
      out += say(shown.language, "  suppression\n      {}\n", "  deletion\n      {}\n",
                 signed_by(shown, entry));
    else
      names.insert(entry.field);
  }
  for (const std::string& name : names) out += field_in_words(shown, name);
  if (shown.record.in_conflict)
    out += word("  Ces valeurs sont en conflit : personne n’a tranché.\n",
                "  These values are in conflict: nobody has decided.\n");
  out += say(shown.language,
             "Ce qui a été écrit après le {}, ou que ne savait pas qui a fait la preuve, elle ne le "
             "montre pas.\n",
             "What was written after {}, or was unknown to whoever made the proof, it does not "
             "show.\n",
             local(shown.proof.latest.time()));
  return out;
}

}  // namespace

Result<Reply> proof_reply(const storage::CheckedProof& proof, bool expected, Language language,
                          bool json) {
  MAILLON_TRY(const Shown shown, shown_by(proof, expected, language));
  Reply out;
  if (json)
    out.json = as_json(shown);
  else
    out.text = in_words(shown);
  return out;
}

Result<Reply> check_proof(ByteView file, const std::optional<FederationId>& expected,
                          Language language, bool json) {
  // Before the work of checking: somebody else's federation may be of any size.
  MAILLON_TRY(const auto claim, storage::decode_record_proof(file));
  if (expected && *expected != claim.federation)
    return said(Errc::refused,
                "the proof is of another federation: " + claim.federation.hex(),
                "la preuve est d’une autre fédération : " + claim.federation.hex(),
                "ask for one of the federation that you named",
                "demandez-en une de la fédération que vous avez indiquée");
  MAILLON_TRY(const auto proof, storage::check_record_proof(file));
  return proof_reply(proof, expected.has_value(), language, json);
}

}  // namespace maillon::admin
