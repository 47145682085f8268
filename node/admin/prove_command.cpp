#include "node/admin/call.hpp"
#include "node/admin/proof_reply.hpp"

/// A record with all that it takes to believe it, in one file.
namespace maillon::admin {
namespace {

/// What people are shown of the record.
Result<Digest> shown_of(storage::Database& db, const storage::RecordProof& proof) {
  replica::Reader reader{db};
  MAILLON_TRY(const auto row, reader.log().find_space(proof.space));
  MAILLON_TRY(const auto collection,
              reader.names().find_collection(row.value_or(0), proof.collection));
  MAILLON_TRY(const auto record, reader.records().find(collection.value_or(0), proof.id));
  crypto::Hasher hasher;
  if (record) {
    MAILLON_TRY(const auto state, storage::merge::decode_state(record->state));
    MAILLON_CHECK(storage::merge::digest_into(hasher, proof.collection, proof.id, state,
                                              reader.records().context()));
    MAILLON_CHECK(reader.records().context().check());
  }
  return hasher.finish();
}

/// Nobody should learn from the reader of a proof that it does not hold.
Result<storage::CheckedProof> checked(storage::Database& db, const storage::RecordProof& proof,
                                      ByteView file) {
  const auto cannot = [](const std::string& why) {
    return said(Errc::refused,
                "what this node knows of the record cannot be proved to somebody else" + why,
                "ce que ce nœud sait de la fiche ne peut pas être prouvé à quelqu’un d’autre" + why,
                "`maillon history` shows what it follows from",
                "« maillon history » montre d’où elle vient");
  };
  auto out = storage::check_record_proof(file);
  if (out.has_error()) return cannot(" (" + out.error().detail + ")");
  MAILLON_TRY(const Digest here, shown_of(db, proof));
  MAILLON_TRY(const Digest there, shown_of(out->store->database(), proof));
  if (here != there) return cannot("");
  return out;
}

}  // namespace

Result<Reply> prove(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const Place place, call.place(collection));
  MAILLON_TRY(const std::string text, call.need("id"));
  MAILLON_TRY(const RecordId id, call.identify(place, collection, text));
  if (!call.context().output) return Error{Errc::usage, "no output", "aucune sortie"};
  MAILLON_TRY(auto db, call.replica().open_reader());
  // One snapshot, until the connection closes.
  MAILLON_CHECK(db.execute("BEGIN"));
  MAILLON_TRY(const auto trust, call.federation());
  replica::Reader reader{db};
  MAILLON_TRY(const auto proof,
              storage::prove_record(reader.log(), reader.records(), reader.names(), *trust,
                                    place.id, collection, id));
  const Bytes file = storage::encode(proof);
  MAILLON_TRY(const auto own, checked(db, proof, file));
  MAILLON_TRY(Reply out,
              proof_reply(own, /*expected=*/true, call.language(), call.wants_json()));
  MAILLON_CHECK(call.context().output(file));
  if (!call.wants_json())
    out.text += call.say("Écrite en {}. Elle contient l’annuaire entier : noms, régions et adresses "
                         "des membres.\n",
                         "Written in {}. It holds the whole directory: names, regions and addresses "
                         "of the members.\n",
                         bytes_in_words(file.size(), call.language()));
  return out;
}

}  // namespace maillon::admin
