#include "node/admin/decision_words.hpp"

#include <algorithm>

#include "node/federation/back_then.hpp"

namespace maillon::admin {
namespace {

using federation::BackThen;
using storage::Member;
using storage::Trust;

constexpr std::size_t kTellingDigits = 8;  ///< of an id, beside a name that is not the only one

std::string quoted(const Call& call, const std::string& name) {
  return call.french() ? "« " + name + " »" : "`" + name + "`";
}
std::string quoted(const Call& call, const Trust& trust, const MemberId& id) {
  return quoted(call, named(trust, id));
}

/// What somebody declared under that id, if anybody did, passed or not.
std::optional<SpaceDeclaration> declared_as(const Trust& trust, const SpaceId& id) {
  if (const storage::Space* space = trust.space(id)) return space->declaration;
  for (const storage::KnownProposal& known : trust.graph().proposals()) {
    const auto matches = [&](const Bytes& bytes) { return storage::space_id(bytes) == id; };
    const auto read = [](const Bytes& bytes) -> std::optional<SpaceDeclaration> {
      auto out = decode_space(bytes);
      return out ? std::optional{*std::move(out)} : std::nullopt;
    };
    const auto& one = known.proposal->space;
    if (one && matches(*one)) return read(*one);
    if (!known.proposal->admit) continue;
    const auto& all = known.proposal->admit->spaces;
    if (const auto found = std::ranges::find_if(all, matches); found != all.end())
      return read(*found);
  }
  return std::nullopt;
}

/// With its id where another space has the same name: alike for whoever reads either of them.
std::string quoted_space(const Call& call, const Trust& trust, const SpaceId& id,
                         const std::string& name) {
  const storage::Space* const known = trust.space(id);
  const bool shared = std::ranges::any_of(trust.spaces(), [&](const auto& other) {
    return other.first != id && other.second.declaration.name == name;
  });
  const bool meant = known != nullptr && known->is_default;
  return quoted(call, for_terminal(name, 60)) + (shared && !meant ? " (" + id.hex() + ")" : "");
}
std::string quoted_space(const Call& call, const Trust& trust, const SpaceId& id) {
  const auto declaration = declared_as(trust, id);
  return declaration ? quoted_space(call, trust, id, declaration->name)
                     : quoted(call, shortened(id));
}

/// A proposal, with what stood when it was made.
struct Matter {
  const Proposal& proposal;
  MemberId proposer;
  const storage::Decision* decision = nullptr;    ///< none: not written yet
  const storage::KnownProposal* known = nullptr;  ///< likewise
  BackThen then;

  [[nodiscard]] bool passed() const { return decision != nullptr && decision->passed; }
};

bool any_matches(const Trust& trust, const std::vector<std::string>& rules, const MemberId& id) {
  return std::ranges::any_of(rules, [&](const auto& rule) { return trust.matches(rule, id); });
}

/// Members who keep the right to write where they may no longer read.
std::vector<MemberId> left_unheard(const Trust& trust, const Matter& matter) {
  const AccessChange& change = *matter.proposal.access;
  std::vector<MemberId> out;
  if (!change.narrow) return out;
  for (const auto* map : {&trust.members(), &trust.former()})
    for (const auto& [id, member] : *map)
      if (any_matches(trust, change.readers, id) &&
          matter.then.might(id, change.space, /*write=*/true) &&
          !any_matches(trust, change.writers, id))
        out.push_back(id);
  std::ranges::sort(out);
  return out;
}

/// What an access change gives or takes.
std::string access_in_words(const Call& call, const Trust& trust, const Matter& matter) {
  const AccessChange& change = *matter.proposal.access;
  const std::string where = quoted_space(call, trust, change.space);
  std::string out;
  const auto add = [&](const std::vector<std::string>& rules, bool write) {
    if (rules.empty()) return;
    if (!out.empty()) out += ' ';
    const std::string who = rules_in_words(trust, rules, call.language());
    if (change.narrow)
      out += write
                 ? call.say("N’écrivent plus dans {} : {} ; ce qu’ils y ont écrit reste pour autant "
                            "que l’auteur de la proposition, ou un délégué qui la vote, le connaisse "
                            "alors ; le reste est sans effet.",
                            "No longer write in {}: {}; what they wrote there stays as far as the "
                            "author of the proposal, or a delegate who votes for it, knows it by "
                            "then; the rest has no effect.",
                            where, who)
                 : call.say("Ne reçoivent plus {} : {}.", "No longer receive {}: {}.", where, who);
    else
      out += write ? call.say("Peuvent écrire dans {} : {}.", "May write in {}: {}.", where, who)
                   : call.say("Reçoivent {} : {}.", "Receive {}: {}.", where, who);
  };
  add(change.readers, false);
  add(change.writers, true);
  if (const auto unheard = left_unheard(trust, matter); !unheard.empty())
    out += call.say(
        " Attention : {} ne recevra plus rien de cet espace et n’y sera plus entendu non plus, "
        "bien que le droit d’y écrire lui reste.",
        " Mind: {} will receive nothing of this space any more, nor be heard there, although the "
        "right to write there stays.",
        named(trust, unheard));
  return out;
}

std::string feed_bound(const Call& call, const std::string& key, std::uint64_t bound) {
  const bool ops = key == "feed_ops_max";
  if (bound == 0)
    return ops ? call.say("Aucune limite au nombre de modifications d’un flux (0).",
                          "No bound on the changes of a feed (0).")
               : call.say("Aucune limite au volume d’un flux (0).",
                          "No bound on the bytes of a feed (0).");
  return ops ? call.say(
                   "Au plus {} modifications par flux, c’est-à-dire par clé et par espace (0 : "
                   "sans limite).",
                   "At most {} changes per feed, that is per key and space (0: no bound).",
                   grouped(static_cast<std::int64_t>(bound)))
             : call.say(
                   "Au plus {} par flux, c’est-à-dire par clé et par espace (0 : sans limite).",
                   "At most {} per feed, that is per key and space (0: no bound).",
                   bytes_in_words(bound, call.language()));
}

std::string quorum_in_words(const Call& call, const std::string& votes) {
  if (votes == "0")
    return call.say("Un nouveau membre entre avec la majorité des membres.",
                    "A newcomer is admitted by a majority of the members.");
  return call.say("Un nouveau membre entre avec {} voix.",
                  "A newcomer is admitted with {} vote(s).", votes);
}
std::string settlement_in_words(const Call& call, const std::string& days) {
  return call.say("Les échanges sont considérés comme clos après {} jours.",
                  "Exchanges count as settled after {} days.", days);
}
std::string secrecy_in_words(const Call& call, const std::string& persons) {
  return call.say("Une case de moins de {} personnes n’est pas publiée.",
                  "A cell of under {} persons is not published.", persons);
}

std::string charter_change_in_words(const Call& call, const Matter& matter) {
  const CharterChange& change = *matter.proposal.charter;
  const std::string value = for_terminal(change.value, 80);
  if (change.key == "quorum") return quorum_in_words(call, value);
  if (change.key == "name")
    return call.say("La fédération s’appelle « {} ».", "The federation is called `{}`.", value);
  if (change.key == "settlement_days") return settlement_in_words(call, value);
  if (change.key == "secrecy_threshold") return secrecy_in_words(call, value);
  if (change.key != "feed_ops_max" && change.key != "feed_bytes_max")
    return call.say("Charte : {} = {}.", "Charter: {} = {}.", for_terminal(change.key, 60), value);
  std::uint64_t bound = 0;
  std::from_chars(change.value.data(), change.value.data() + change.value.size(), bound);
  std::string out = feed_bound(call, change.key, bound);
  const std::uint64_t before = matter.then.charter(change.key);
  if (bound > 0 && (before == 0 || bound < before))
    out += call.say(
        " C’est moins qu’avant ({}) : ce qu’un flux contient déjà au-delà est caché, partout.",
        " This is less than before ({}): what a feed holds beyond it already is hidden, "
        "everywhere.",
        before == 0 ? call.say("sans limite", "no bound")
        : change.key == "feed_ops_max" ? grouped(static_cast<std::int64_t>(before))
                                       : bytes_in_words(before, call.language()));
  return out;
}

std::string root_key_in_words(const Call& call, const Trust& trust, const Matter& matter) {
  const RootKeyChange& change = *matter.proposal.root_key;
  return call.say(
      "{} reçoit la clé racine {}, au lieu de {} : ses anciens 24 mots ne valent plus rien, et qui a "
      "les nouveaux est ce membre.",
      "{} gets the root key {}, instead of {}: its former 24 words are worth nothing any more, and "
      "whoever has the new ones is this member.",
      quoted(call, trust, change.member), change.key.hex(),
      matter.then.root_of(change.member).hex());
}

std::string space_in_words(const Call& call, const Trust& trust, const Bytes& declaration) {
  const auto space = decode_space(declaration);
  if (!space) return call.say("Un espace illisible.", "An unreadable space.");
  return call.say("L’espace {} existe : lu par {}, écrit par {}.",
                  "The space {} exists: read by {}, written by {}.",
                  quoted_space(call, trust, storage::space_id(declaration), space->name),
                  rules_in_words(trust, space->readers, call.language()),
                  rules_in_words(trust, space->writers, call.language()));
}

std::string delegate_in_words(const Call& call, const Trust& trust, const DelegateChange& change) {
  const std::string who = quoted(call, trust, change.member);
  return change.drop ? call.say("{} n’est plus délégué.", "{} is no longer a delegate.", who)
                     : call.say("{} devient délégué : sa voix compte pour ce qui restreint.",
                                "{} becomes a delegate: its vote counts for what restricts.", who);
}

/// Whether somebody who proposed or voted names what was written in a space, or could have.
bool is_spoken_of(const Trust& trust, const Matter& matter, const SpaceId& space) {
  const auto names = [&](const std::vector<CutOff>& cut) {
    return std::ranges::find(cut, space, &CutOff::space) != cut.end();
  };
  if (names(matter.proposal.cut) || matter.then.might(matter.proposer, space, /*write=*/false))
    return true;
  if (matter.known == nullptr) return false;
  return std::ranges::any_of(matter.known->votes, [&](const storage::CastVote& vote) {
    const MemberId& voter = trust.graph().at(vote.number).member;
    if (!matter.decision->votes.contains(voter)) return false;
    return names(vote.vote->cut) ||
           BackThen{trust, vote.number}.might(voter, space, /*write=*/false);
  });
}

/// What a removal or narrowing does where nobody who proposed or voted can name what was written.
std::string unnamed_in_words(const Call& call, const Trust& trust, const Matter& matter,
                             const std::vector<SpaceId>& spaces) {
  std::string where;
  for (const SpaceId& id : spaces)
    if (!is_spoken_of(trust, matter, id))
      where += (where.empty() ? "" : ", ") + quoted_space(call, trust, id);
  if (where.empty()) return {};
  if (matter.passed())
    return call.say(
        " Mais dans {}, que ne lisait aucun de ceux qui l’ont proposée ou votée, il n’en reste que ce "
        "sur quoi d’autres avaient écrit avant de l’apprendre.",
        " But in {}, which none of those read who proposed or voted for it, only what others had "
        "built on before they heard of it stays.",
        where);
  return call.say(
      " Mais dans {}, que ne lit aucun de ceux qui la proposent ou l’ont votée, il n’en reste que ce "
      "sur quoi d’autres ont déjà écrit, sauf si un délégué qui lit cet espace vote aussi : sa voix "
      "nomme le reste.",
      " But in {}, which none of those read who propose or voted for it, only what others have built "
      "on by now stays, unless a delegate who reads it votes as well: that vote names the rest.",
      where);
}

std::string checkpoint_in_words(const Call& call, const Trust& trust, const Checkpoint& checkpoint) {
  return call.say(
      "Ce que tous ont depuis longtemps dans {} est arrêté ({} flux) : cela compte pour de bon, "
      "les anciennes versions remplacées peuvent disparaître des machines, et ce qui arriverait "
      "encore sans l’avoir connu est en retard : sans effet, jusqu’à ce que son auteur le republie "
      "(« maillon reissue »).",
      "What everybody has had for long in {} is settled ({} feed(s)): it counts for good, older "
      "versions that were replaced may leave the machines, and what would still come without having "
      "known it is late: without effect until its author publishes it again (`maillon reissue`).",
      quoted_space(call, trust, checkpoint.space), checkpoint.seen.size());
}

std::string removal_in_words(const Call& call, const Trust& trust, const Matter& matter) {
  const MemberId& gone = matter.proposal.remove->member;
  const std::string who = quoted(call, trust, gone);
  // Whoever leaves names all of its own, so nothing of it depends on who reads what.
  if (gone == matter.proposer)
    return call.say(
        "{} quitte la fédération : ce qu’il a écrit reste, ce qu’il écrirait ensuite est sans "
        "effet, et plus rien ne lui est transmis.",
        "{} leaves the federation: what it wrote stays, what it would write afterwards has no "
        "effect, and nothing more is sent to it.",
        who);
  return call.say(
             "{} n’est plus membre : ce qu’il a écrit reste pour autant que l’auteur de la "
             "proposition, ou un délégué qui la vote, le connaisse alors ; la suite est sans effet, "
             "et plus rien ne lui est transmis.",
             "{} is no longer a member: what it wrote stays as far as the author of the proposal, "
             "or a delegate who votes for it, knows it by then; what follows has no effect, and "
             "nothing more is sent to it.",
             who) +
         unnamed_in_words(call, trust, matter, matter.then.written_by(gone));
}

std::string admission_in_words(const Call& call, const Admission& admission) {
  return call.say("{} ({}{}) devient membre.", "{} ({}{}) becomes a member.",
                  quoted(call, for_terminal(admission.name, 60)),
                  role_in_words(admission.role, call.language()),
                  admission.region.empty() ? "" : ", " + for_terminal(admission.region, 20));
}

/// Without what follows for the delegates.
std::string change_in_words(const Call& call, const Trust& trust, const Matter& matter) {
  const Proposal& p = matter.proposal;
  if (p.admit) return admission_in_words(call, *p.admit);
  if (p.space) return space_in_words(call, trust, *p.space);
  if (p.remove) return removal_in_words(call, trust, matter);
  if (p.delegate) return delegate_in_words(call, trust, *p.delegate);
  if (p.charter) return charter_change_in_words(call, matter);
  if (p.access) {
    const bool takes = p.access->narrow && !p.access->writers.empty();
    return access_in_words(call, trust, matter) +
           (takes ? unnamed_in_words(call, trust, matter, {p.access->space}) : std::string{});
  }
  if (p.root_key) return root_key_in_words(call, trust, matter);
  if (p.succession)
    return call.say("Les fiches de {} passent à {}.", "The records of {} pass to {}.",
                    quoted(call, trust, p.succession->member),
                    quoted(call, trust, p.succession->heir));
  if (p.tellers)
    return call.say(
        "Dépouillent pour la région {} à partir de {} : {} ; {} d’entre eux doivent "
        "répondre.",
        "Tellers for region {} from {} on: {}; {} of them must answer.",
        for_terminal(p.tellers->region, 20), for_terminal(p.tellers->from_period, 20),
        named(trust, p.tellers->members), p.tellers->threshold);
  if (p.checkpoint) return checkpoint_in_words(call, trust, *p.checkpoint);
  return call.say("Une décision d’une version plus récente : mettez Maillon à jour pour la lire.",
                  "A decision of a later version: upgrade Maillon to read it.");
}

}  // namespace

std::string named(const Trust& trust, const MemberId& id) {
  const Member* member = trust.ever_member(id);
  if (member == nullptr) return shortened(id);
  const std::string name = for_terminal(member->name, 60);
  const auto same = [&](const auto& other) {
    return other.first != id && for_terminal(other.second.name, 60) == name;
  };
  const bool alone =
      std::ranges::none_of(trust.members(), same) && std::ranges::none_of(trust.former(), same);
  return alone ? name : name + " (" + id.hex().substr(0, kTellingDigits) + "…)";
}

std::string named(const Trust& trust, std::span<const MemberId> ids) {
  std::string out;
  for (const MemberId& id : ids) out += (out.empty() ? "" : ", ") + named(trust, id);
  return out;
}

std::string rules_in_words(const Trust& trust, const std::vector<std::string>& rules,
                           Language language) {
  std::string out;
  for (const std::string& rule : rules) {
    if (!out.empty()) out += ", ";
    const auto member = rule.starts_with("member:") ? MemberId::from_hex(rule.substr(7))
                                                    : Result<MemberId>{Error{Errc::not_found, ""}};
    if (rule == "all")
      out += say(language, "tous", "everybody");
    else if (rule == "role:hub")
      out += say(language, "les hubs", "the hubs");
    else if (rule == "role:cooperative")
      out += say(language, "les coopératives", "the cooperatives");
    else if (rule.starts_with("region:"))
      out += say(language, "la région {}", "region {}", for_terminal(rule.substr(7), 20));
    else
      out += member ? named(trust, *member) : for_terminal(rule, 80);
  }
  return out;
}

std::string proposal_in_words(const Call& call, const Trust& trust, const Proposal& proposal) {
  const Matter matter{proposal, call.self(), nullptr, nullptr, BackThen{trust, std::nullopt}};
  std::string out = change_in_words(call, trust, matter);
  if (drops_last_delegate(trust, proposal))
    out += ' ' + (leaves_nobody(trust, proposal) ? without_members(call) : without_delegates(call));
  return out;
}

std::string decision_in_words(const Call& call, const Trust& trust,
                              const storage::Decision& decision) {
  const auto& all = trust.graph().proposals();
  const auto known = std::ranges::find(all, decision.id, &storage::KnownProposal::id);
  MAILLON_ASSERT(known != all.end(), "a decision is on a known proposal");
  const Matter matter{*decision.proposal, decision.proposer, &decision, &*known,
                      BackThen{trust, known->number}};
  std::string out = change_in_words(call, trust, matter);
  if (!decision.passed && drops_last_delegate(trust, *decision.proposal))
    out += ' ' + without_delegates(call);
  return out;
}

std::string charter_in_words(const Call& call, const Trust& trust) {
  const Charter& charter = trust.charter();
  std::string out = "  " + quorum_in_words(call, std::to_string(charter.quorum)) + '\n';
  out +=
      trust.members().empty() ? "  " + without_members(call) + '\n'
      : charter.delegates.empty()
          ? "  " + without_delegates(call) + '\n'
          : call.say("  Délégués : {}. Plus de la moitié d’entre eux décide de ce qui restreint.\n",
                     "  Delegates: {}. More than half of them decide what restricts.\n",
                     named(trust, charter.delegates));
  for (const std::string& line :
       {settlement_in_words(call, std::to_string(charter.settlement_days)),
        secrecy_in_words(call, std::to_string(charter.secrecy_threshold)),
        feed_bound(call, "feed_ops_max", charter.feed_ops_max),
        feed_bound(call, "feed_bytes_max", charter.feed_bytes_max)})
    out += "  " + line + '\n';
  return out;
}

std::string without_delegates(const Call& call) {
  return call.say(
      "Sans délégué, plus personne ne peut exclure, changer la charte ni nommer un délégué : "
      "« maillon federation refound » fonde alors une fédération qui continue celle-ci.",
      "Without a delegate nobody can remove a member, change the charter or name a delegate any "
      "more: `maillon federation refound` then founds a federation that continues this one.");
}

std::string without_members(const Call& call) {
  return call.say(
      "Sans membre, cette fédération s’éteint ; ce qui est ici reste lisible, et « maillon export » "
      "l’emporte.",
      "Without a member this federation ends; what is here stays readable, and `maillon export` takes "
      "it along.");
}

bool leaves_nobody(const Trust& trust, const Proposal& proposal) {
  return proposal.remove && trust.members().size() == 1 &&
         trust.member(proposal.remove->member) != nullptr;
}

bool drops_last_delegate(const Trust& trust, const Proposal& proposal) {
  std::optional<MemberId> who;
  if (proposal.remove) who = proposal.remove->member;
  if (proposal.delegate && proposal.delegate->drop) who = proposal.delegate->member;
  const auto& delegates = trust.charter().delegates;
  return who && !delegates.empty() &&
         std::ranges::all_of(delegates, [&](const MemberId& id) { return id == *who; });
}

}  // namespace maillon::admin
