#include "node/admin/call.hpp"
#include "node/bundle/bundle.hpp"
#include "node/replica/verify.hpp"

/// Exchange by file, and the check of what is stored.
namespace maillon::admin {

Result<Reply> export_bundle(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  auto& context = call.context();
  if (!context.output) return Error{Errc::usage, "no output", "aucune sortie"};
  std::optional<Bytes> since;
  if (call.has("since")) {
    if (!context.input) return Error{Errc::usage, "no earlier bundle", "aucun lot plus ancien"};
    MAILLON_TRY(since, context.input());
  }
  std::vector<SpaceId> spaces;
  for (const Place& place : call.readable_spaces()) spaces.push_back(place.id);
  MAILLON_TRY(auto db, call.replica().open_reader());
  // One snapshot, until the connection closes.
  MAILLON_CHECK(db.execute("BEGIN"));
  replica::Reader reader{db};
  MAILLON_TRY(const auto done, bundle::write(reader, *call.replica().federation(), spaces, since,
                                             context.output, [&](double part) {
                                               call.progress(part, call.say("Écriture du lot",
                                                                            "Writing the bundle"));
                                             }));
  JsonWriter json;
  json.object().field("commits", done.commits).field("bytes", done.bytes).end_object();
  return answer(call,
                call.say("{} commit(s) écrits, {}.\n", "{} commit(s) written, {}.\n", done.commits,
                         bytes_in_words(done.bytes, call.language())),
                std::move(json));
}

Result<Reply> import_bundle(Call& call) {
  if (!call.context().input) return Error{Errc::usage, "no file was given", "aucun fichier"};
  // What comes by a stick may be the directory itself.
  MAILLON_TRY(const auto trust, call.entered_federation());
  (void)trust;
  MAILLON_TRY(const Bytes file, call.context().input());
  MAILLON_TRY(const auto done, bundle::read(call.replica(), file, [&](double part) {
                call.progress(part, call.say("Lecture du lot", "Reading the bundle"));
              }));
  // A fork may have come to light.
  const auto told = call.replica().write<std::size_t>(
      [&](storage::Store& store) -> Result<std::size_t> {
        auto& replica = call.replica();
        MAILLON_TRY(const auto commits, store.publish_evidence(
                                            replica.author(), replica.clock().now(), replica.rng()));
        return commits.size();
      });
  if (told.has_error()) return told.error();
  MAILLON_TRY(const bool erased, call.finish_erasures());
  (void)erased;
  JsonWriter json;
  json.object()
      .field("commits", done.commits)
      .field("bytes", file.size())
      .field("applied", done.applied)
      .field("held", done.held)
      .field("pending", done.pending)
      .field("aside", done.aside)
      .field("known", done.known)
      .field("not_for_us", done.unread)
      .field("rejected", done.rejected)
      .field("reason", done.first_reason)
      .end_object();
  std::string text =
      call.say("{} commit(s) lus : {} appliqués, {} déjà connus, {} en attente, {} refusés.\n",
               "{} commit(s) read: {} applied, {} known before, {} waiting, {} refused.\n",
               done.commits, done.applied, done.known, done.held + done.pending, done.rejected);
  if (done.unread > 0)
    text += call.say("{} sont d’espaces que ce nœud ne garde pas : ils sont laissés de côté.\n",
                     "{} are of spaces that this node does not keep: they are left out.\n",
                     done.unread);
  if (done.aside > 0)
    text += call.say("{} sont mis à l’écart : « maillon status » dit pourquoi.\n",
                     "{} are kept apart: `maillon status` says why.\n", done.aside);
  if (done.pending > 0)
    text += call.say("Ce qui attend dépend d’un lot plus ancien : importez-le aussi.\n",
                     "What waits depends on an earlier bundle: import that one too.\n");
  Reply out = answer(call, std::move(text), std::move(json));
  if (done.rejected == 0) return out;
  return with_error(
      call, std::move(out),
      said(Errc::refused,
           fmt::format("{} commit(s) of the bundle are refused: {}", done.rejected,
                       done.first_reason),
           fmt::format("{} commit(s) du lot sont refusés : {}", done.rejected, done.first_reason),
           "ask whoever made the bundle for another one",
           "demandez un autre lot à qui a fait celui-ci"));
}

Result<Reply> verify_all(Call& call) {
  MAILLON_TRY(const auto report,
              replica::verify(call.replica(), call.has("deep"), [&](double part) {
                call.progress(part, call.say("Vérification", "Verifying"));
              }));
  JsonWriter json;
  json.object()
      .field("commits", report.commits)
      .field("records", report.records)
      .key("errors")
      .array();
  std::string text;
  for (const auto& error : report.errors) {
    const std::string& message = call.french() ? error.fr : error.en;
    json.object().field("space", error.space).key("commit");
    error.commit ? json.text(error.commit->hex()) : json.null();
    json.field("message", message).end_object();
    text += fmt::format("  {}{}\n", error.commit ? error.commit->hex() + " " : "", message);
  }
  json.end_array().end_object();
  text += call.say("{} commits et {} fiches vérifiés, {} erreur(s).\n",
                   "{} commits and {} records checked, {} error(s).\n", grouped(report.commits),
                   grouped(report.records), report.errors.size());
  Reply out = answer(call, std::move(text), std::move(json));
  if (report.errors.empty()) return out;
  const auto& first = report.errors.front();
  // Without a commit it is about what is kept beside the log.
  const std::string which = first.commit ? "commit " + first.commit->hex() + ": " : "";
  return with_error(
      call, std::move(out),
      said(Errc::integrity, fmt::format("what is stored is damaged: {}{}", which, first.en),
           fmt::format("ce qui est enregistré est abîmé : {}{}", which, first.fr),
           "restore a backup, or start afresh in a new folder",
           "restaurez une sauvegarde, ou repartez d’un dossier neuf"));
}

}  // namespace maillon::admin
