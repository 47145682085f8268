#include <algorithm>
#include <set>

#include "node/admin/admission_words.hpp"
#include "node/replica/authorship.hpp"
#include "node/replica/standing.hpp"

/// Why a record is here, absent, held or hidden.
namespace maillon::admin {
namespace {

using replica::Standing;
using State = Standing::State;

struct Explanation {
  std::string state;
  std::string reason;
  std::string next;
};

/// What whoever may decide on an erasure does about what it hides.
std::string deciding(const Call& call, const CommitId& erasure) {
  return call.say("« maillon erasures » montre de qui l’accord est attendu : « maillon erasures confirm {0} » "
                  "l’efface, « maillon erasures lift {0} » le montre à nouveau",
                  "`maillon erasures` shows whose word is missing: `maillon erasures confirm {0}` erases it, "
                  "`maillon erasures lift {0}` shows it again",
                  shortened(erasure));
}

/// Of what is here in part.
std::string some_hidden(const Call& call, const CommitId& erasure) {
  return call.say("quelqu’un a demandé à en effacer une part, cachée d’ici là ; {}",
                  "somebody asked to erase a part of it, hidden until then; {}", deciding(call, erasure));
}

/// Of something that is to come; empty when nothing is.
std::string still_to_come(const Call& call, const Standing& waiting) {
  if (!waiting.cause) return {};
  const std::string name = for_terminal(call.name_of(waiting.cause->author), 60);
  if (waiting.state == State::held)
    return call.say("ce que {} y a écrit est daté du futur ({}) et ne comptera qu’alors ; si l’horloge de "
                    "l’auteur était fausse, il la règle puis lance « maillon reissue »",
                    "what {} wrote to it is dated in the future ({}) and counts only then; if its author's clock "
                    "was wrong, they set it and run `maillon reissue`",
                    name, local(waiting.cause->time));
  if (waiting.state == State::pending)
    return call.say("ce que {} y a écrit le {} attend ce dont il dépend : laissez « maillon sync » l’apporter",
                    "what {} wrote to it on {} waits for what it depends on: let `maillon sync` bring that",
                    name, local(waiting.cause->time));
  return {};
}

std::string by_whom(const Call& call, const Standing& standing) {
  if (!standing.cause) return {};
  const std::string name = call.name_of(standing.cause->author);
  return call.say(" ({}, le {})", " ({}, {})",
                  name.empty() ? shortened(standing.cause->author) : for_terminal(name, 60),
                  local(standing.cause->time));
}

Explanation absent(const Call& call, const Standing& standing) {
  if (standing.waiting > 0)
    return {"absent",
            call.say("aucun commit appliqué n’en parle ; {} commit(s) de l’espace attendent encore",
                     "no applied commit speaks of it; {} commit(s) of the space still wait",
                     standing.waiting),
            call.say("laissez « maillon sync » apporter ce qui manque",
                     "let `maillon sync` bring what is missing")};
  return {"absent",
          call.say("aucun commit de ce nœud n’en parle", "no commit of this node speaks of it"),
          call.say("vérifiez l’identifiant et l’espace, puis lancez « maillon sync --wait 30 »",
                   "check the id and the space, then run `maillon sync --wait 30`")};
}

/// That something newer than what is shown does not count.
std::string void_since(const Call& call, const MemberId& author, UnixMillis time) {
  return call.say("ce que {} y a écrit le {} est sans effet ; tant qu’il peut écrire ici, son auteur peut le "
                  "publier à nouveau, par « maillon reissue »",
                  "what {} wrote to it on {} is without effect; as long as it may write here, its author can "
                  "publish it again, by `maillon reissue`",
                  for_terminal(call.name_of(author), 60), local(time));
}

Explanation explanation_of(const Call& call, const Standing& standing) {
  const std::string who = by_whom(call, standing);
  switch (standing.state) {
    case State::here:
      return {"here", call.say("la fiche est là{}", "the record is here{}", who), ""};
    case State::conflicting:
      return {
          "conflicting",
          call.say(
              "la fiche est là, avec plusieurs valeurs pour un champ, ou modifiée et supprimée à "
              "la fois",
              "the record is here, with several values in a field, or edited and deleted at once"),
          call.say("« maillon conflicts » les montre, « maillon resolve » tranche",
                   "`maillon conflicts` shows them, `maillon resolve` decides")};
    case State::deleted:
      return {"deleted", call.say("la fiche a été supprimée{}", "the record was deleted{}", who),
              call.say("« maillon history » montre ce qui en reste ; « maillon put --id » la rétablit",
                       "`maillon history` shows what is left of it; `maillon put --id` brings it "
                       "back")};
    case State::hidden:
      return {"hidden", call.say("la fiche est cachée : quelqu’un a demandé à l’effacer",
                                 "the record is hidden: somebody asked to erase it"),
              deciding(call, *standing.hidden_by)};
    case State::erased:
      return {"erased", call.say("la fiche a été effacée", "the record was erased"),
              call.say("« maillon erasures » montre qui l’a demandé et où cela en est",
                       "`maillon erasures` shows who asked for it and how it stands")};
    case State::voided:
      return {"void",
              call.say("tout ce qui en a été écrit est sans effet{}",
                       "all that was written of it is without effect{}", who),
              call.say("tant qu’il peut écrire ici, son auteur peut la publier à nouveau, par « maillon "
                       "reissue »",
                       "as long as it may write here, its author can publish it again, by `maillon "
                       "reissue`")};
    case State::held:
      return {
          "held",
          call.say("elle est datée du futur{} et paraîtra à cette heure-là",
                   "it is dated in the future{} and will appear at that time", who),
          call.say(
              "si l’horloge de l’auteur était fausse, il la règle puis lance « maillon reissue »",
              "if its author's clock was wrong, they set it and run `maillon reissue`")};
    case State::pending:
      return {"pending",
              call.say("elle est arrivée avant ce dont elle dépend{}",
                       "it came before what it depends on{}", who),
              call.say("laissez « maillon sync » apporter ce qui manque",
                       "let `maillon sync` bring what is missing")};
    case State::absent:
      break;
  }
  return absent(call, standing);
}

Explanation not_kept(const Call& call, const Place& place) {
  return {"not_subscribed",
          call.say("ce nœud ne garde pas cet espace, et n’en reçoit plus rien",
                   "this node does not keep that space, and receives nothing of it any more"),
          call.say("« maillon space subscribe {} », puis « maillon sync --wait 30 »",
                   "`maillon space subscribe {}`, then `maillon sync --wait 30`", place.typed)};
}

/// One field of a record that is here: by what was written to it, the newest first.
class FieldQuestion {
 public:
  FieldQuestion(Call& call, const Place& place, const std::string& collection, const RecordId& id,
                const std::string& field)
      : call_(call), place_(place), collection_(collection), id_(id), field_(field),
        name_(for_terminal(field, 60)) {}

  Result<Explanation> answer() {
    MAILLON_TRY(all_, read<Entries>([&](replica::Reader& reader) {
                  return reader.history(place_.id, collection_, id_);
                }));
    MAILLON_TRY(record_, read<std::optional<replica::RecordView>>([&](replica::Reader& reader) {
                  return reader.get(place_.id, collection_, id_);
                }));
    for (const auto& entry : all_)
      if (entry.field == field_ && !entry.removes) entries_.push_back(entry);
    if (entries_.empty()) return unwritten();
    const auto* shown = record_ && record_->visible ? record_->field(field_) : nullptr;
    if (shown != nullptr && !shown->others.empty())
      return Explanation{"conflicting",
                         call_.say("le champ « {} » a {} valeurs", "the field `{}` has {} values", name_,
                                   shown->others.size() + 1),
                         call_.say("« maillon resolve » tranche", "`maillon resolve` decides")};
    if (shown != nullptr) return here(*shown);
    if (std::ranges::any_of(entries_, &replica::HistoryEntry::erased)) return erased();
    return gone();
  }

 private:
  using Entries = std::vector<replica::HistoryEntry>;

  template <class T, class Read>
  Result<T> read(const Read& what) {
    const auto found = call_.replica().read<T>(what);
    if (found.has_error()) return found.error();
    return *found;
  }

  [[nodiscard]] std::string by(const replica::HistoryEntry& entry) const {
    return call_.say(", écrit par {} le {}", ", written by {} on {}",
                     for_terminal(call_.name_of(entry.author), 60), local(entry.time));
  }

  /// Of a field to which several may have brought what it shows.
  Result<std::string> by_several() {
    MAILLON_TRY(const auto all, read<std::vector<replica::FieldAuthors>>([&](replica::Reader& reader) {
                  return replica::authors_of(reader, place_.id, collection_, id_);
                }));
    const auto found = std::ranges::find(all, field_, &replica::FieldAuthors::field);
    if (found == all.end() || found->parts.empty()) return std::string{};
    std::string names;
    std::set<MemberId> told;
    UnixMillis last{};
    for (const replica::Part& part : found->parts) {
      last = std::max(last, part.time);
      if (told.insert(part.author).second)
        names += (names.empty() ? "" : ", ") + for_terminal(call_.name_of(part.author), 60);
    }
    return call_.say(", écrit par {} (en dernier le {})", ", written by {} (last on {})", names, local(last));
  }

  Result<Explanation> unwritten() {
    MAILLON_TRY(const auto waiting, read<Standing>([&](replica::Reader& reader) {
                  return replica::waiting_for(reader, place_.id, collection_, id_.hex(), field_);
                }));
    if (const std::string next = still_to_come(call_, waiting); !next.empty())
      return Explanation{waiting.state == State::held ? "held" : "pending",
                         call_.say("rien de ce qui a été écrit dans le champ « {} » ne compte encore ici",
                                   "nothing that was written to the field `{}` counts here yet", name_),
                         next};
    if (call_.replica().unwanted().contains(place_.id)) return not_kept(call_, place_);
    return Explanation{"absent",
                       call_.say("personne n’a écrit dans le champ « {} »",
                                 "nobody wrote to the field `{}`", name_),
                       call_.say("vérifiez son nom : « maillon get » montre ceux de la fiche",
                                 "check its name: `maillon get` shows those of the record")};
  }

  Result<Explanation> here(const replica::FieldView& shown) {
    const auto live = std::ranges::find_if(entries_, [](const auto& entry) {
      return !entry.superseded && !entry.is_void && !entry.erased;
    });
    std::string who = live == entries_.end() ? "" : by(*live);
    if (shown.tag != static_cast<std::uint32_t>(FieldTag::reg)) {
      MAILLON_TRY(who, by_several());
    }
    Explanation out{"here",
                    call_.say("le champ « {} » est là{}", "the field `{}` is here{}", name_, who), ""};
    const auto add = [&](const std::string& more) {
      if (!more.empty()) out.next += (out.next.empty() ? "" : "; ") + more;
    };
    MAILLON_TRY(const auto waiting, read<Standing>([&](replica::Reader& reader) {
                  return replica::waiting_for(reader, place_.id, collection_, id_.hex(), field_);
                }));
    add(still_to_come(call_, waiting));
    MAILLON_TRY(const auto asked, read<std::optional<CommitId>>([&](replica::Reader& reader) {
                  return replica::hidden_by(reader, place_.id, collection_, id_, field_);
                }));
    if (asked) add(some_hidden(call_, *asked));
    if (live == entries_.end()) return out;
    MAILLON_TRY(const auto lost, read<std::optional<Standing::Cause>>([&](replica::Reader& reader) {
                  return replica::without_effect(reader, {entries_.begin(), live});
                }));
    if (lost) add(void_since(call_, lost->author, lost->time));
    return out;
  }

  Result<Explanation> erased() {
    MAILLON_TRY(const auto asked, read<std::optional<CommitId>>([&](replica::Reader& reader) {
                  return replica::hidden_by(reader, place_.id, collection_, id_, field_);
                }));
    if (asked)
      return Explanation{"hidden",
                         call_.say("le champ « {} » est caché : quelqu’un a demandé à l’effacer",
                                   "the field `{}` is hidden: somebody asked to erase it", name_),
                         deciding(call_, *asked)};
    return Explanation{"erased",
                       call_.say("le champ « {} » a été effacé", "the field `{}` was erased", name_),
                       call_.say("« maillon erasures » montre qui l’a demandé et où cela en est",
                                 "`maillon erasures` shows who asked for it and how it stands")};
  }

  /// Void, deleted or cleared.
  Explanation gone() {
    const std::string history = call_.say("« maillon history » montre qui a écrit quoi",
                                          "`maillon history` shows who wrote what");
    const auto last = std::ranges::find(entries_, false, &replica::HistoryEntry::is_void);
    if (last == entries_.end())
      return {"void",
              call_.say("tout ce qui a été écrit dans le champ « {} » est sans effet",
                        "all that was written to the field `{}` is without effect", name_),
              history};
    const auto removal = std::ranges::find_if(all_, [](const replica::HistoryEntry& entry) {
      return entry.removes && !entry.is_void && !entry.superseded;
    });
    const bool said_something = last->forgotten || !last->value.is_null();
    if (removal != all_.end() && last->superseded && said_something) return deleted(*removal);
    return {"cleared",
            call_.say("le champ « {} » a été vidé{}", "the field `{}` was cleared{}", name_, by(*last)),
            history};
  }

  Explanation deleted(const replica::HistoryEntry& removal) {
    const bool edited = record_ && record_->edit_won_over_delete;
    return {"deleted",
            call_.say("le champ « {} » a été supprimé avec la fiche, par {} le {}",
                      "the field `{}` was deleted with the record, by {} on {}", name_,
                      for_terminal(call_.name_of(removal.author), 60), local(removal.time)),
            edited
                ? call_.say("un autre a modifié la fiche en même temps : « maillon resolve {} {} --space {} "
                            "--keep » la rétablit en entier",
                            "another edited the record at the same time: `maillon resolve {} {} --space {} "
                            "--keep` brings all of it back",
                            for_terminal(collection_, 60), id_.hex(), place_.typed)
                : call_.say("« maillon history » montre ce qui en reste ; « maillon put --id » la rétablit",
                            "`maillon history` shows what is left of it; `maillon put --id` brings it back")};
  }

  Call& call_;
  const Place& place_;
  const std::string& collection_;
  const RecordId& id_;
  const std::string& field_;
  std::string name_;
  Entries all_;      ///< of the record
  Entries entries_;  ///< of the field
  std::optional<replica::RecordView> record_;
};

/// What else somebody who looks at the record should know.
Result<std::string> told_besides(Call& call, const Place& place, const std::string& collection,
                                 const Standing& standing) {
  std::string out;
  const auto add = [&](const std::string& more) {
    if (!more.empty()) out += (out.empty() ? "" : "; ") + more;
  };
  if (standing.without_effect)
    add(void_since(call, standing.without_effect->author, standing.without_effect->time));
  if (!standing.id || standing.state > State::voided) return out;
  const auto waiting = call.replica().read<Standing>([&](replica::Reader& reader) {
    return replica::waiting_for(reader, place.id, collection, standing.id->hex());
  });
  if (waiting.has_error()) return waiting.error();
  add(still_to_come(call, *waiting));
  // A node applies its own commits at once, and only those.
  if (standing.cause && standing.state <= State::deleted &&
      standing.cause->time > call.replica().clock().now() + limits::kClockAheadMax)
    add(call.say("écrit ici avec une horloge en avance : les autres ne le voient qu’alors, à moins que ce nœud, "
                 "l’horloge réglée, lance « maillon reissue »",
                 "written here with a clock that was ahead: the others see it only then, unless this node, with "
                 "the clock set, runs `maillon reissue`"));
  if (standing.state > State::conflicting) return out;
  const auto asked = call.replica().read<std::optional<CommitId>>([&](replica::Reader& reader) {
    return replica::hidden_by(reader, place.id, collection, *standing.id);
  });
  if (asked.has_error()) return asked.error();
  if (*asked) add(some_hidden(call, **asked));
  if (call.replica().unwanted().contains(place.id))
    add(call.say("ce nœud ne garde plus cet espace : ceci peut dater (« maillon space subscribe {} »)",
                 "this node does not keep that space any more: this may be out of date (`maillon space "
                 "subscribe {}`)",
                 place.typed));
  return out;
}

}  // namespace

Result<Reply> explain(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const std::string id, call.need("id"));
  if (call.has("field") && call.text("field").empty())
    return said(Errc::usage, "--field names no field", "--field ne nomme aucun champ",
                "leave it out to ask about the whole record", "sans lui, il s’agit de toute la fiche");
  const auto place = call.place(collection);
  if (place.has_error() && place.error().code != Errc::not_allowed) return place.error();
  Explanation why{
      "not_allowed",
      call.say("ce membre n’a pas le droit de lire cet espace",
               "this member may not read that space"),
      call.say("« maillon space list » montre qui le peut", "`maillon space list` shows who may")};
  std::optional<RecordId> record;
  if (place.has_value()) {
    const auto known = call.identify(*place, collection, id);
    // Of several records it cannot be said why "it" is here.
    if (known.has_error() && known.error().code == Errc::refused) return known.error();
    const auto standing = call.replica().read<Standing>([&](replica::Reader& reader) {
      return replica::standing_of(reader, place->id, collection, id);
    });
    if (standing.has_error()) return standing.error();
    why = standing->state == State::absent && call.replica().unwanted().contains(place->id)
              ? not_kept(call, *place)
              : explanation_of(call, *standing);
    MAILLON_TRY(const std::string more, told_besides(call, *place, collection, *standing));
    if (!more.empty()) why.next += (why.next.empty() ? "" : "; ") + more;
    const auto trust = call.replica().trust();
    if (const auto lapse = federation::lapse_of(*trust, call.self()); lapse && why.state == "void")
      why.next = sentence(lapsed(*trust, *lapse), call.language());
    record = standing->id;
    if (call.has("field") && record && standing->state <= State::voided) {
      const std::string field = call.text("field");
      MAILLON_TRY(why, FieldQuestion(call, *place, collection, *record, field).answer());
    }
  }
  JsonWriter json;
  json.object().key("id");
  record ? json.text(record->hex()) : json.null();
  json.field("collection", collection)
      .field("state", why.state)
      .field("reason", why.reason)
      .field("next", why.next)
      .end_object();
  std::string text = why.reason + ".\n";
  if (!why.next.empty()) text += why.next + ".\n";
  Reply out = answer(call, std::move(text), std::move(json));
  if (why.state != "absent") return out;
  if (record && call.has("field"))
    return with_error(call, std::move(out),
                      said(Errc::not_found, "nobody wrote to that field", "personne n’a écrit dans ce champ",
                           "`maillon get` shows the record's fields",
                           "« maillon get » montre les champs de la fiche"));
  return with_error(call, std::move(out),
                    said(Errc::not_found, "there is no record `" + for_terminal(id, 80) + "` here",
                         "il n’y a pas de fiche « " + for_terminal(id, 80) + " » ici",
                         "check the id and the space", "vérifiez l’identifiant et l’espace"));
}

}  // namespace maillon::admin
