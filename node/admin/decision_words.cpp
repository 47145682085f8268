#include "node/admin/decision_words.hpp"

#include <algorithm>

#include "node/admin/space_names.hpp"

namespace maillon::admin {
namespace {

using storage::Member;
using storage::Trust;

constexpr std::size_t kTellingDigits = 8;  ///< of an id, beside a name that is not the only one

std::string quoted(const Call& call, const std::string& name) {
  return call.french() ? "« " + name + " »" : "`" + name + "`";
}
std::string quoted(const Call& call, const Trust& trust, const MemberId& id) {
  return quoted(call, named(trust, id));
}

/// With its id where the name alone does not mean it.
std::string quoted_space(const Call& call, const Trust& trust, const SpaceId& id,
                         const std::string& name) {
  const std::string typed = SpaceNames{trust, call.self()}.typed(id, name);
  return quoted(call, for_terminal(name, 60)) + (typed == name ? "" : " (" + typed + ")");
}
std::string quoted_space(const Call& call, const Trust& trust, const SpaceId& id) {
  const storage::Space* space = trust.space(id);
  return space == nullptr ? quoted(call, shortened(id))
                          : quoted_space(call, trust, id, space->declaration.name);
}

bool any_matches(const Trust& trust, const std::vector<std::string>& rules, const MemberId& id) {
  return std::ranges::any_of(rules, [&](const auto& rule) { return trust.matches(rule, id); });
}

/// Members who keep the right to write where they may no longer read.
std::vector<MemberId> left_unheard(const Trust& trust, const AccessChange& change) {
  std::vector<MemberId> out;
  if (!change.narrow) return out;
  for (const auto& [id, member] : trust.members())
    if (any_matches(trust, change.readers, id) && trust.may_write(id, change.space) &&
        !any_matches(trust, change.writers, id))
      out.push_back(id);
  return out;
}

/// What an access change gives or takes.
std::string access_in_words(const Call& call, const Trust& trust, const AccessChange& change) {
  const std::string where = quoted_space(call, trust, change.space);
  std::string out;
  const auto add = [&](const std::vector<std::string>& rules, bool write) {
    if (rules.empty()) return;
    if (!out.empty()) out += ' ';
    const std::string who = rules_in_words(trust, rules, call.language());
    if (change.narrow)
      out += write
                 ? call.say("N’écrivent plus dans {} : {} ; ce qui y est écrit jusqu’ici reste.",
                            "No longer write in {}: {}; what is written there by now stays.", where,
                            who)
                 : call.say("Ne reçoivent plus {} : {}.", "No longer receive {}: {}.", where, who);
    else
      out += write ? call.say("Peuvent écrire dans {} : {}.", "May write in {}: {}.", where, who)
                   : call.say("Reçoivent {} : {}.", "Receive {}: {}.", where, who);
  };
  add(change.readers, false);
  add(change.writers, true);
  if (const auto unheard = left_unheard(trust, change); !unheard.empty())
    out += call.say(
        " Attention : {} ne recevra plus rien de cet espace et n’y sera plus entendu non plus, "
        "bien "
        "que le droit d’y écrire lui reste.",
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

std::string charter_change_in_words(const Call& call, const Trust& trust,
                                    const CharterChange& change) {
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
  const Charter& today = trust.charter();
  const auto now = change.key == "feed_ops_max" ? today.feed_ops_max : today.feed_bytes_max;
  if (bound > 0 && (now == 0 || bound < now))
    out += call.say(
        " C’est moins qu’aujourd’hui : ce qu’un flux contient déjà au-delà est caché, partout.",
        " This is less than today: what a feed holds beyond it already is hidden, everywhere.");
  return out;
}

std::string root_key_in_words(const Call& call, const Trust& trust, const RootKeyChange& change) {
  const Member* member = trust.ever_member(change.member);
  const bool done = member == nullptr || member->root == change.key;
  return call.say(
      "{} reçoit la clé racine {}{} : ses anciens 24 mots ne valent plus rien, et qui a les "
      "nouveaux est ce membre.",
      "{} gets the root key {}{}: its former 24 words are worth nothing any more, and whoever has "
      "the new ones is this member.",
      quoted(call, trust, change.member), change.key.hex(),
      done ? "" : call.say(", au lieu de {}", ", instead of {}", member->root.hex()));
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

/// What a removal or narrowing does where this node cannot name what was written, being no reader.
std::string unnamed_in_words(const Call& call, const Trust& trust, const Proposal& p,
                             const std::vector<SpaceId>& spaces) {
  std::string where;
  for (const SpaceId& id : spaces) {
    const bool named = std::ranges::find(p.cut, id, &CutOff::space) != p.cut.end();
    if (named || trust.may_read(call.self(), id)) continue;
    where += (where.empty() ? "" : ", ") + quoted_space(call, trust, id);
  }
  if (where.empty()) return {};
  return call.say(
      " Mais dans {}, que ce nœud ne lit pas, il n’en reste que ce sur quoi d’autres ont déjà "
      "écrit, sauf si un délégué qui lit cet espace vote aussi : sa voix nomme le reste.",
      " But in {}, which this node does not read, only what others have built on by now stays, "
      "unless a delegate who reads it votes as well: that vote names the rest.",
      where);
}

std::vector<SpaceId> written_by(const Trust& trust, const MemberId& member) {
  std::vector<SpaceId> out;
  for (const auto& [id, space] : trust.spaces())
    if (id != trust.annuaire() && trust.ever_writer(member, id)) out.push_back(id);
  return out;
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

std::string removal_in_words(const Call& call, const Trust& trust, const Proposal& p,
                             const MemberId& proposer) {
  const MemberId& gone = p.remove->member;
  const std::string who = quoted(call, trust, gone);
  // Whoever leaves names all of its own, so nothing of it depends on who reads what.
  if (gone == proposer)
    return call.say(
        "{} quitte la fédération : ce qu’il a écrit reste, ce qu’il écrirait ensuite est sans "
        "effet, et plus rien ne lui est transmis.",
        "{} leaves the federation: what it wrote stays, what it would write afterwards has no "
        "effect, and nothing more is sent to it.",
        who);
  return call.say(
             "{} n’est plus membre : ce qu’il a écrit jusqu’ici reste, la suite est sans effet, et "
             "plus rien ne lui est transmis.",
             "{} is no longer a member: what it wrote by now stays, what follows has no effect, "
             "and nothing more is sent to it.",
             who) +
         unnamed_in_words(call, trust, p, written_by(trust, gone));
}

/// Without what follows for the delegates.
std::string change_in_words(const Call& call, const Trust& trust, const Proposal& p,
                            const MemberId& proposer) {
  if (p.admit)
    return call.say("{} ({}{}) devient membre.", "{} ({}{}) becomes a member.",
                    quoted(call, for_terminal(p.admit->name, 60)),
                    role_in_words(p.admit->role, call.language()),
                    p.admit->region.empty() ? "" : ", " + for_terminal(p.admit->region, 20));
  if (p.space) return space_in_words(call, trust, *p.space);
  if (p.remove) return removal_in_words(call, trust, p, proposer);
  if (p.delegate) return delegate_in_words(call, trust, *p.delegate);
  if (p.charter) return charter_change_in_words(call, trust, *p.charter);
  if (p.access) {
    const bool takes = p.access->narrow && !p.access->writers.empty();
    return access_in_words(call, trust, *p.access) +
           (takes ? unnamed_in_words(call, trust, p, {p.access->space}) : std::string{});
  }
  if (p.root_key) return root_key_in_words(call, trust, *p.root_key);
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

std::string decision_in_words(const Call& call, const Trust& trust, const Proposal& proposal,
                              const MemberId& proposer, bool passed) {
  std::string out = change_in_words(call, trust, proposal, proposer);
  if (!passed && drops_last_delegate(trust, proposal)) out += ' ' + without_delegates(call);
  return out;
}

std::string decision_in_words(const Call& call, const Trust& trust,
                              const storage::Decision& decision) {
  return decision_in_words(call, trust, *decision.proposal, decision.proposer, decision.passed);
}

std::string charter_in_words(const Call& call, const Trust& trust) {
  const Charter& charter = trust.charter();
  std::string out = "  " + quorum_in_words(call, std::to_string(charter.quorum)) + '\n';
  out +=
      charter.delegates.empty()
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

bool drops_last_delegate(const Trust& trust, const Proposal& proposal) {
  std::optional<MemberId> who;
  if (proposal.remove) who = proposal.remove->member;
  if (proposal.delegate && proposal.delegate->drop) who = proposal.delegate->member;
  const auto& delegates = trust.charter().delegates;
  return who && !delegates.empty() &&
         std::ranges::all_of(delegates, [&](const MemberId& id) { return id == *who; });
}

}  // namespace maillon::admin
