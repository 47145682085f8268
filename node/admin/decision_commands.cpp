#include <algorithm>

#include "node/admin/admission_words.hpp"
#include "node/admin/clock_words.hpp"
#include "node/admin/decision_words.hpp"
#include "node/admin/names.hpp"
#include "node/admin/space_names.hpp"
#include "node/admin/wanted_proposal.hpp"
#include "node/federation/checkpoints.hpp"
#include "node/federation/decisions.hpp"
#include "node/federation/proposal_names.hpp"
#include "node/replica/standing.hpp"

/// Proposals and votes, in words that say what they change and for whom.
namespace maillon::admin {
namespace {

using federation::ProposalNames;
using storage::Decision;
using storage::DecisionKind;
using storage::Member;
using storage::ProposalId;
using storage::Trust;

constexpr std::size_t kPrefixMin = 6;  ///< digits of an id that may stand for the whole
constexpr std::size_t kNamed = 8;      ///< candidates that one sentence names

constexpr std::array<std::pair<DecisionKind, std::string_view>, 13> kKinds{{
    {DecisionKind::admit, "admit"},
    {DecisionKind::space, "space"},
    {DecisionKind::remove, "remove"},
    {DecisionKind::leave, "leave"},
    {DecisionKind::delegate, "delegate"},
    {DecisionKind::charter, "charter"},
    {DecisionKind::widen, "widen"},
    {DecisionKind::narrow, "narrow"},
    {DecisionKind::root_key, "root-key"},
    {DecisionKind::succession, "succession"},
    {DecisionKind::tellers, "tellers"},
    {DecisionKind::checkpoint, "checkpoint"},
    {DecisionKind::unknown, "unknown"},
}};
std::string_view name_of(DecisionKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<DecisionKind, std::string_view>::first)->second;
}

std::string_view status_of(const Decision& decision) {
  if (decision.passed) return decision.without_effect ? "overruled" : "passed";
  return "open";
}

std::string status_in_words(const Call& call, const Decision& d) {
  if (d.passed && d.without_effect)
    return call.say("adoptée, mais une autre l’emporte", "passed, but another holds");
  if (d.passed) return call.say("adoptée", "passed");
  return call.say("{} voix sur {} nécessaires", "{} of {} votes needed", d.votes.size(), d.needed);
}

void write_decision(JsonWriter& json, const Call& call, const Trust& trust,
                    const ProposalNames& names, const Decision& d) {
  json.object()
      .field("id", names.full(d.id))
      .field("kind", name_of(d.kind))
      .field("text", decision_in_words(call, trust, d))
      .field("proposer", named(trust, d.proposer))
      .field("time", utc(d.time.time()))
      .field("votes", d.votes.size())
      .field("needed", d.needed)
      .field("status", status_of(d));
  if (d.proposal->root_key) json.field("key", d.proposal->root_key->key.hex());
  json.key("voted").array();
  for (const MemberId& id : d.votes) json.text(named(trust, id));
  json.end_array().key("missing").array();
  if (!d.passed)
    for (const MemberId& id : d.voters)
      if (!d.votes.contains(id)) json.text(named(trust, id));
  json.end_array().end_object();
}

Error no_proposal(const std::string& wanted) {
  return said(Errc::not_found, "there is no proposal `" + wanted + "`",
              "il n’y a pas de proposition « " + wanted + " »",
              "`maillon proposal list` shows them all",
              "« maillon proposal list » les montre toutes");
}

/// The first of those that a text may mean, each as it can be typed.
Error ambiguous(const Call& call, const Trust& trust, const std::string& wanted,
                const ProposalNames& names, const std::vector<const Decision*>& found) {
  std::string list;
  for (std::size_t i = 0; i < found.size() && i < kNamed; ++i)
    list += fmt::format("{}{} ({})", i == 0 ? "" : ", ", names.brief(found[i]->id),
                        decision_in_words(call, trust, *found[i]));
  if (found.size() > kNamed) list += ", …";
  return said(Errc::usage, fmt::format("`{}` may mean {} proposals: {}", wanted, found.size(), list),
              fmt::format("« {} » peut désigner {} propositions : {}", wanted, found.size(), list),
              "give one of these, with what follows the colon",
              "donnez l’une d’elles, avec ce qui suit les deux-points");
}

/// By id, by the beginning of it, and by its leaf where its commit holds several.
Result<const Decision*> find_decision(const Call& call, const Trust& trust, std::string wanted) {
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return std::tolower(c); });
  const ProposalNames names{trust};
  const auto found = names.meant_by(wanted);
  const std::string shown = for_terminal(wanted, 80);
  if (found.empty()) return no_proposal(shown);
  if (std::min(wanted.find(':'), wanted.size()) < kPrefixMin)
    return said(Errc::usage, "`" + shown + "` is too short to name a proposal",
                "« " + shown + " » est trop court pour désigner une proposition",
                fmt::format("give at least {} digits of its id", kPrefixMin),
                fmt::format("donnez au moins {} chiffres de son identifiant", kPrefixMin));
  if (found.size() > 1) return ambiguous(call, trust, shown, names, found);
  return found.front();
}

Reply outcome(Call& call, const ProposalId& id, const std::string& besides = {}) {
  const auto trust = call.replica().trust();
  const Decision* decision = trust->decision(id);
  JsonWriter json;
  const ProposalNames names{*trust};
  json.object().field("id", names.full(id));
  std::string text;
  if (decision != nullptr) {
    json.field("kind", name_of(decision->kind))
        .field("status", status_of(*decision))
        .field("votes", decision->votes.size())
        .field("needed", decision->needed);
    text = call.say("Proposition {} : {}\n  {}\n", "Proposal {}: {}\n  {}\n",
                    names.brief(id), status_in_words(call, *decision),
                    decision_in_words(call, *trust, *decision));
  }
  json.end_object();
  return answer(call, text + besides, std::move(json));
}

/// What a proposal of this member's would do, for people to agree to before it is written.
Reply preview(Call& call, const Trust& trust, const Proposal& proposal,
              const std::string& besides = {}) {
  return preview(call, proposal_in_words(call, trust, proposal) + besides);
}

Result<Proposal> asked_for(Call& call, const Trust& trust) {
  if (call.text("kind") != "checkpoint") return wanted_proposal(call, trust);
  MAILLON_TRY(const std::string name, call.need("name"));
  const SpaceNames names{trust, call.self()};
  MAILLON_TRY(const storage::Space* const space, names.meant(name));
  if (space->id == trust.annuaire())
    return said(Errc::refused, "what `annuaire` says is kept whole",
                "ce que dit « annuaire » est gardé en entier", "every node needs all of it",
                "chaque nœud a besoin de tout");
  const auto keepers = trust.keepers(*space);
  if (std::ranges::find(keepers, call.self()) == keepers.end() ||
      !trust.may_read(call.self(), space->id))
    return said(Errc::not_allowed, "only who keeps the space, and reads it, proposes to settle it",
                "seul qui garde l’espace, et le lit, propose d’y arrêter quelque chose",
                "the delegates do, unless the space names others",
                "ce sont les délégués, sauf si l’espace en nomme d’autres");
  return call.replica().write<Proposal>([&](storage::Store& store) {
    return federation::checkpoint_of(store, space->id, call.replica().clock().now());
  });
}

/// Of whoever leaves, or reads a space no more (`in`), nobody takes anything any more but from a stick.
Result<std::string> unsent_in_words(Call& call, const Trust& trust,
                                    const std::optional<SpaceId>& in = std::nullopt) {
  const auto unsent = call.replica().read<std::int64_t>([&](replica::Reader& reader) {
    return replica::unsent_commits(reader, trust, call.self(), in);
  });
  if (unsent.has_error()) return unsent.error();
  if (*unsent == 0) return std::string{};
  return call.say(
      "\nAttention : {} commit(s) écrits ici n’ont atteint aucun pair par le réseau ; sans « maillon "
      "sync » d’abord, seule une clé USB les fera connaître.\n",
      "\nWarning: {} commit(s) written here have reached no peer over the network; without `maillon "
      "sync` first, only a USB stick will make them known.\n",
      *unsent);
}

/// What a proposal that takes something from this member itself leaves behind.
Result<std::string> left_behind(Call& call, const Trust& trust, const Proposal& proposal) {
  if (proposal.remove && proposal.remove->member == call.self())
    return unsent_in_words(call, trust);
  const auto& access = proposal.access;
  const bool takes = access && access->narrow && trust.may_read(call.self(), access->space) &&
                     std::ranges::any_of(access->readers, [&](const std::string& rule) {
                       return trust.matches(rule, call.self());
                     });
  if (!takes) return std::string{};
  return unsent_in_words(call, trust, access->space);
}

/// What leaves nobody to decide anything is done only by who was told so.
Result<void> check_delegates_left(const Call& call, const Trust& trust, const Proposal& proposal) {
  if (call.has("yes") || !drops_last_delegate(trust, proposal)) return {};
  if (leaves_nobody(trust, proposal))
    return said(Errc::refused, "this is the last member: this federation ends without it",
                "c’est le dernier membre : sans lui, cette fédération s’éteint",
                "invite another member first, or insist with --yes",
                "invitez d’abord un autre membre, ou insistez avec --yes");
  return said(Errc::refused,
              "this is the last delegate: without one nobody can decide anything any more, and "
              "only `maillon federation refound` goes on",
              "c’est le dernier délégué : sans lui, plus personne ne peut rien décider, et seul "
              "« maillon federation refound » permet de continuer",
              "make another member a delegate first, or insist with --yes",
              "nommez d’abord un autre délégué, ou insistez avec --yes");
}

}  // namespace

Result<Reply> propose_decision(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_CHECK(call.still_speaks());
  MAILLON_TRY(const Proposal proposal, asked_for(call, *trust));
  MAILLON_CHECK(check_clock(call));
  MAILLON_TRY(const std::string unsent, left_behind(call, *trust, proposal));
  if (call.has("preview")) return preview(call, *trust, proposal, unsent);
  MAILLON_CHECK(call.before_deciding());
  MAILLON_CHECK(check_delegates_left(call, *trust, proposal));
  MAILLON_TRY(const ProposalId id, federation::propose(call.replica(), proposal));
  return outcome(call, id, unsent);
}

Result<Reply> list_proposals(Call& call) {
  MAILLON_TRY(const auto waiting, waiting_of(call.replica()));
  if (waiting) return own_admission(call, *waiting);
  MAILLON_TRY(const auto trust, call.federation());
  JsonWriter json;
  json.object().key("proposals").array();
  std::vector<std::vector<std::string>> rows{{call.say("proposition", "proposal"),
                                              call.say("état", "status"),
                                              call.say("ce qu’elle change", "what it changes")}};
  const ProposalNames names{*trust};
  for (const Decision& d : trust->decisions()) {
    // What founding and joining wrote by themselves would hide what people have to decide.
    if (!call.has("all") && d.passed && is_additive(d.kind)) continue;
    write_decision(json, call, *trust, names, d);
    rows.push_back({names.brief(d.id), status_in_words(call, d),
                    decision_in_words(call, *trust, d)});
  }
  json.end_array().end_object();
  std::string text =
      rows.size() == 1 ? call.say("Rien à décider.\n", "Nothing to decide.\n") : table(rows);
  if (trust->charter().delegates.empty() && !trust->members().empty())
    text += without_delegates(call) + '\n';
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> show_proposal(Call& call) {
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(const auto waiting, waiting_of(call.replica()));
  if (waiting && wanted.size() >= kPrefixMin && waiting->votes.proposal.starts_with(wanted))
    return own_admission(call, *waiting);
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const Decision* d, find_decision(call, *trust, wanted));
  JsonWriter json;
  json.object().key("proposals").array();
  write_decision(json, call, *trust, ProposalNames{*trust}, *d);
  json.end_array().end_object();
  std::string text =
      call.say("{}\n  proposée par {} le {}\n  {}\n", "{}\n  proposed by {} on {}\n  {}\n",
               decision_in_words(call, *trust, *d), named(*trust, d->proposer),
               local(d->time.time()), status_in_words(call, *d));
  for (const MemberId& id : d->votes)
    text += call.say("  a voté : {}\n", "  voted: {}\n", named(*trust, id));
  if (!d->passed)
    for (const MemberId& id : d->voters)
      if (!d->votes.contains(id))
        text += call.say("  peut voter : {}\n", "  may vote: {}\n", named(*trust, id));
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> cast_vote(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(const Decision* d, find_decision(call, *trust, wanted));
  MAILLON_CHECK(call.still_speaks());
  MAILLON_CHECK(check_clock(call));
  if (call.has("preview")) return preview(call, decision_in_words(call, *trust, *d));
  MAILLON_CHECK(call.before_deciding());
  const ProposalId id = d->id;
  MAILLON_CHECK(federation::vote(call.replica(), id));
  return outcome(call, id);
}

Result<Reply> leave_federation(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_CHECK(call.still_speaks());
  Proposal proposal;
  proposal.remove = Removal{call.self()};
  MAILLON_CHECK(check_clock(call));
  MAILLON_TRY(const std::string unsent, left_behind(call, *trust, proposal));
  if (call.has("preview")) return preview(call, *trust, proposal, unsent);
  MAILLON_CHECK(call.before_deciding());
  MAILLON_CHECK(check_delegates_left(call, *trust, proposal));
  MAILLON_TRY(const ProposalId id, federation::leave(call.replica()));
  return outcome(call, id, unsent);
}

Result<Reply> create_space(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_CHECK(call.still_speaks());
  MAILLON_TRY(const std::string wanted, call.need("name"));
  MAILLON_TRY(const std::string name, proper_name(wanted, Naming::space));
  MAILLON_TRY(auto readers, rules_of(call, *trust, "readers"));
  MAILLON_TRY(auto writers, rules_of(call, *trust, "writers"));
  if (readers.empty()) readers = {"all"};
  if (writers.empty()) writers = readers;
  MAILLON_TRY(const Proposal proposal,
              federation::space_proposal(*trust, name, std::move(readers), std::move(writers)));
  MAILLON_CHECK(check_clock(call));
  if (call.has("preview")) return preview(call, *trust, proposal);
  MAILLON_CHECK(call.before_deciding());
  MAILLON_TRY(const ProposalId id, federation::propose(call.replica(), proposal));
  return outcome(call, id);
}

}  // namespace maillon::admin
