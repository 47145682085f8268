#include "node/admin/wanted_proposal.hpp"

#include <algorithm>

#include "node/admin/decision_words.hpp"
#include "node/admin/names.hpp"
#include "node/admin/space_names.hpp"
#include "node/federation/decisions.hpp"

namespace maillon::admin {
namespace {

using storage::Decision;
using storage::Member;
using storage::Trust;

constexpr std::size_t kPrefixMin = 6;  ///< digits of an id that may stand for the whole

Error changes_nothing(std::string en, std::string fr) {
  return said(Errc::refused, std::move(en), std::move(fr), "there is nothing to decide",
              "il n’y a rien à décider");
}

/// One who is a member today: of the others nothing more can be decided.
Result<const Member*> present(const Trust& trust, const MemberId& id) {
  if (const Member* member = trust.member(id)) return member;
  return said(Errc::refused, "`" + named(trust, id) + "` is no longer a member",
              "« " + named(trust, id) + " » n’est plus membre",
              "`maillon propose admit` admits it again", "« maillon propose admit » le réadmet");
}

/// A mistyped code would be voted on as if it meant somebody.
Result<void> check_known_region(const Trust& trust, const std::string& code) {
  MAILLON_CHECK(check_region(code));
  const auto has = [&](const auto& entry) { return entry.second.region == code; };
  if (std::ranges::any_of(trust.members(), has) || std::ranges::any_of(trust.former(), has) ||
      trust.space_named("catalogue/" + code) != nullptr)
    return {};
  return said(Errc::not_found, "no member is of the region `" + code + "`",
              "aucun membre n’est de la région « " + code + " »",
              "`maillon member list` shows the regions",
              "« maillon member list » montre les régions");
}

Result<Proposal> admission_again(const Trust& trust, const MemberId& who) {
  if (trust.member(who) != nullptr)
    return changes_nothing("`" + named(trust, who) + "` is a member already",
                           "« " + named(trust, who) + " » est déjà membre");
  for (const Decision& decision : trust.decisions())
    if (decision.kind == storage::DecisionKind::admit && decision.passed) {
      const auto certificate =
          crypto::NodeCertificate::decode_verified(decision.proposal->admit->certificate);
      if (!certificate || certificate->member != who) continue;
      Proposal out;
      out.admit = decision.proposal->admit;
      out.admit->invitation.reset();
      return out;
    }
  return said(Errc::not_found, "it was never admitted", "il n’a jamais été admis",
              "newcomers join with an invitation code",
              "les nouveaux entrent avec un code d’invitation");
}

Result<Proposal> delegate_change(const Trust& trust, const MemberId& who, bool drop) {
  MAILLON_TRY(const Member* member, present(trust, who));
  const std::string name = named(trust, who);
  if (member->delegate == drop) {
    Proposal out;
    out.delegate = DelegateChange{who, drop};
    return out;
  }
  return drop ? changes_nothing("`" + name + "` is no delegate",
                                "« " + name + " » n’est pas délégué")
              : changes_nothing("`" + name + "` is a delegate already",
                                "« " + name + " » est déjà délégué");
}

struct CharterNumber {
  std::string_view key;
  std::uint64_t least;
  std::uint64_t most;
  std::uint64_t (*today)(const Charter&);
};
constexpr std::uint64_t kBoundMax = 1'000'000'000'000'000'000;
constexpr std::array<CharterNumber, 5> kNumbers{{
    {"quorum", 1, 1000, [](const Charter& c) { return std::uint64_t{c.quorum}; }},
    {"settlement_days", 1, 36'500,
     [](const Charter& c) { return std::uint64_t{c.settlement_days}; }},
    {"secrecy_threshold", 1, 1'000'000,
     [](const Charter& c) { return std::uint64_t{c.secrecy_threshold}; }},
    {"feed_ops_max", 0, kBoundMax, [](const Charter& c) { return c.feed_ops_max; }},
    {"feed_bytes_max", 0, kBoundMax, [](const Charter& c) { return c.feed_bytes_max; }},
}};

Error out_of_bounds(const CharterNumber& number, const std::string& value) {
  const std::string range = fmt::format("{} … {}", number.least, number.most);
  const bool quorum = number.key == "quorum";
  return said(Errc::usage, fmt::format("`{}` cannot be `{}`", number.key, for_terminal(value, 40)),
              fmt::format("« {} » ne peut valoir « {} »", number.key, for_terminal(value, 40)),
              "write a whole number, " + range + (quorum ? ", or majority" : ""),
              "écrivez un nombre entier, " + range + (quorum ? ", ou majority" : ""));
}

Error already_so() {
  return changes_nothing("the charter says so already", "la charte le dit déjà");
}

Result<Proposal> charter_change(const Trust& trust, const std::string& key,
                                const std::string& value) {
  Proposal out;
  if (key == "name") {
    MAILLON_TRY(const std::string name, proper_name(value, Naming::federation));
    if (name == trust.charter().name) return already_so();
    out.charter = CharterChange{key, name};
    return out;
  }
  const auto number = std::ranges::find(kNumbers, key, &CharterNumber::key);
  if (number == kNumbers.end())
    return said(Errc::usage, "the charter has no `" + key + "`",
                "la charte n’a pas de « " + key + " »",
                "name, quorum, settlement_days, secrecy_threshold, feed_ops_max or feed_bytes_max",
                "name, quorum, settlement_days, secrecy_threshold, feed_ops_max ou feed_bytes_max");
  std::uint64_t wanted = 0;
  const bool majority = key == "quorum" && value == "majority";
  if (!majority) {
    const char* end = value.data() + value.size();
    const auto [at, failed] = std::from_chars(value.data(), end, wanted);
    if (failed != std::errc{} || at != end || wanted < number->least || wanted > number->most)
      return out_of_bounds(*number, value);
  }
  if (wanted == number->today(trust.charter())) return already_so();
  out.charter = CharterChange{key, std::to_string(wanted)};
  return out;
}

bool is_month(const std::string& text) {
  const auto digits = [&](std::size_t from, std::size_t count) {
    return std::ranges::all_of(text.substr(from, count),
                               [](char c) { return c >= '0' && c <= '9'; });
  };
  if (text.size() != 7 || text[4] != '-' || !digits(0, 4) || !digits(5, 2)) return false;
  const std::string month = text.substr(5);
  return month >= "01" && month <= "12";
}

Result<Proposal> tellers_change(const Call& call, const Trust& trust) {
  Proposal out;
  out.tellers.emplace();
  MAILLON_TRY(out.tellers->region, call.need("region"));
  MAILLON_CHECK(check_known_region(trust, out.tellers->region));
  MAILLON_TRY(out.tellers->from_period, call.need("period"));
  if (!is_month(out.tellers->from_period))
    return said(Errc::usage, "`" + for_terminal(out.tellers->from_period, 20) + "` is no month",
                "« " + for_terminal(out.tellers->from_period, 20) + " » n’est pas un mois",
                "write year and month, as 2026-09", "écrivez l’année et le mois, comme 2026-09");
  for (const std::string& name : call.all("members")) {
    MAILLON_TRY(const MemberId member, member_named(trust, name));
    MAILLON_TRY(const Member* teller, present(trust, member));
    out.tellers->members.push_back(teller->id);
  }
  std::ranges::sort(out.tellers->members);
  const auto repeated = std::ranges::unique(out.tellers->members);
  out.tellers->members.erase(repeated.begin(), repeated.end());
  const auto count = static_cast<std::int64_t>(out.tellers->members.size());
  MAILLON_TRY(const auto threshold,
              call.number("threshold", count / 2 + 1, 1, std::max<std::int64_t>(1, count)));
  out.tellers->threshold = static_cast<std::uint32_t>(threshold);
  return out;
}

/// Whether all whom the rules mean may do it already, as far as rules can say.
bool gives_nothing(const Trust& trust, const storage::Space& space,
                   const std::vector<std::string>& rules, bool write) {
  const Access today = access_to(trust, space, write);
  const auto holds = [&](const std::string& rule) {
    return std::ranges::find(today.rules, rule) != today.rules.end();
  };
  return std::ranges::all_of(rules, [&](const std::string& rule) {
    const auto means = [&](const MemberId& id) { return trust.matches(rule, id); };
    return (holds(rule) || holds("all")) && std::ranges::none_of(today.except, means);
  });
}

/// Whether nobody of today whom the rules mean may do it.
bool takes_nothing(const Trust& trust, const storage::Space& space,
                   const std::vector<std::string>& rules, bool write) {
  return std::ranges::none_of(trust.members(), [&](const auto& entry) {
    const MemberId& id = entry.first;
    const auto means = [&](const std::string& rule) { return trust.matches(rule, id); };
    return (write ? trust.may_write(id, space.id) : trust.may_read(id, space.id)) &&
           std::ranges::any_of(rules, means);
  });
}

Result<Proposal> access_change(const Call& call, const Trust& trust, bool narrow) {
  MAILLON_TRY(const std::string name, call.need("name"));
  const SpaceNames names{trust, call.self()};
  MAILLON_TRY(const storage::Space* space, names.meant(name));
  if (space->id == trust.annuaire())
    return said(
        Errc::refused,
        "everybody reads and writes `annuaire`: whoever could not could neither vote nor be "
        "heard",
        "tous lisent et écrivent « annuaire » : qui ne le pourrait pas ne pourrait ni voter ni "
        "être entendu",
        "`maillon propose remove` ends a membership; the other spaces can be opened and "
        "closed: `maillon space list`",
        "« maillon propose remove » met fin à une adhésion ; les autres espaces s’ouvrent et "
        "se ferment : « maillon space list »");
  Proposal out;
  out.access.emplace();
  out.access->space = space->id;
  out.access->narrow = narrow;
  MAILLON_TRY(out.access->readers, rules_of(call, trust, "readers"));
  MAILLON_TRY(out.access->writers, rules_of(call, trust, "writers"));
  if (out.access->readers.empty() && out.access->writers.empty())
    return said(Errc::usage, "it changes nothing", "cela ne change rien",
                "give --reader or --writer", "donnez --reader ou --writer");
  const auto nothing = narrow ? takes_nothing : gives_nothing;
  if (nothing(trust, *space, out.access->readers, /*write=*/false) &&
      nothing(trust, *space, out.access->writers, /*write=*/true))
    return narrow ? changes_nothing("nobody whom this means may do that in `" + name + "` today",
                                    "aucun de ceux que cela désigne n’a ce droit dans « " + name +
                                        " » aujourd’hui")
                  : changes_nothing("all whom this means may do that in `" + name + "` already",
                                    "tous ceux que cela désigne ont déjà ce droit dans « " + name +
                                        " »");
  return out;
}

Result<Proposal> root_key_change(const Trust& trust, const MemberId& who, const std::string& key) {
  const auto root = MemberId::from_hex(key);
  if (!root || !crypto::is_acceptable_key(root->bytes()))
    return said(Errc::usage, "that is no root key", "ce n’est pas une clé racine",
                "`maillon init` of the new words shows it as the member's id",
                "« maillon init » avec les nouveaux mots la montre comme identifiant du membre");
  for (const auto& [node, member] : trust.known_nodes())
    if (std::ranges::equal(node.bytes(), root->bytes()))
      return said(Errc::refused,
                  "that is the key of a node of `" + named(trust, member) +
                      "`: no 24 words make it, so nobody could act with it",
                  "c’est la clé d’un nœud de « " + named(trust, member) +
                      " » : aucuns 24 mots ne la donnent, et personne ne pourrait s’en servir",
                  "`maillon init` of the new words shows the root key as the member's id",
                  "« maillon init » avec les nouveaux mots montre la clé racine comme identifiant du "
                  "membre");
  for (const auto* map : {&trust.members(), &trust.former()})
    for (const auto& [id, member] : *map) {
      if (id != *root && member.root != *root) continue;
      const std::string name = named(trust, id);
      return said(
          Errc::refused,
          id == who ? "that is or was its root key already: whoever has those words stays it"
                    : "that is the root key of another member: `" + name + "`",
          id == who ? "c’est ou c’était déjà sa clé racine : qui a ces mots resterait ce membre"
                    : "c’est la clé racine d’un autre membre : « " + name + " »",
          "make new words with `maillon init` in an empty folder",
          "faites de nouveaux mots avec « maillon init » dans un dossier vide");
    }
  Proposal out;
  out.root_key = RootKeyChange{who, *root};
  return out;
}

Result<Proposal> succession_of(const Trust& trust, const MemberId& who, const MemberId& heir) {
  MAILLON_TRY(const Member* next, present(trust, heir));
  if (const auto now = trust.heirs().find(who); now != trust.heirs().end() && now->second == heir)
    return changes_nothing("it is so already", "c’est déjà le cas");
  if (trust.may_change_of(heir, who))
    return said(Errc::refused, "a member cannot inherit from itself, nor in a circle",
                "un membre ne peut hériter de lui-même, ni en cercle", "name another heir",
                "nommez un autre héritier");
  Proposal out;
  out.succession = Succession{who, next->id};
  return out;
}

}  // namespace

Result<MemberId> member_named(const Trust& trust, const std::string& wanted) {
  std::optional<MemberId> found;
  for (const auto* map : {&trust.members(), &trust.former()})
    for (const auto& [id, member] : *map) {
      if (id.hex() == wanted) return id;
      const bool meant =
          member.name == wanted || (wanted.size() >= kPrefixMin && id.hex().starts_with(wanted));
      if (!meant) continue;
      if (found)
        return said(Errc::usage, "`" + wanted + "` may mean several members",
                    "« " + wanted + " » peut désigner plusieurs membres",
                    "give its id: `maillon member list` shows them",
                    "donnez son identifiant : « maillon member list » les montre");
      found = id;
    }
  if (found) return *found;
  return said(Errc::not_found, "there is no member `" + wanted + "`",
              "il n’y a pas de membre « " + wanted + " »", "`maillon member list` shows them all",
              "« maillon member list » les montre tous");
}

Result<std::vector<std::string>> rules_of(const Call& call, const Trust& trust,
                                          const std::string& option) {
  std::vector<std::string> out;
  for (std::string rule : call.all(option)) {
    if (rule.starts_with("region:")) {
      MAILLON_CHECK(check_known_region(trust, rule.substr(7)));
    } else if (rule.starts_with("member:") || !federation::is_rule(rule)) {
      const bool by_id = rule.starts_with("member:");
      MAILLON_TRY(const MemberId member, member_named(trust, by_id ? rule.substr(7) : rule));
      MAILLON_TRY(const Member* const one, present(trust, member));
      rule = "member:" + one->id.hex();
    }
    out.push_back(std::move(rule));
  }
  return out;
}

Result<Proposal> wanted_proposal(const Call& call, const Trust& trust) {
  MAILLON_TRY(const std::string kind, call.need("kind"));
  const auto member = [&](const char* option) -> Result<MemberId> {
    MAILLON_TRY(const std::string name, call.need(option));
    return member_named(trust, name);
  };
  if (kind == "charter") {
    MAILLON_TRY(const std::string key, call.need("key"));
    MAILLON_TRY(const std::string value, call.need("value"));
    return charter_change(trust, key, value);
  }
  if (kind == "tellers") return tellers_change(call, trust);
  if (kind == "widen" || kind == "narrow") return access_change(call, trust, kind == "narrow");
  MAILLON_TRY(const MemberId who, member("member"));
  if (kind == "admit") return admission_again(trust, who);
  if (kind == "delegate") return delegate_change(trust, who, call.has("drop"));
  if (kind == "root-key") {
    MAILLON_TRY(const std::string key, call.need("key"));
    return root_key_change(trust, who, key);
  }
  if (kind == "succession") {
    MAILLON_TRY(const MemberId heir, member("heir"));
    return succession_of(trust, who, heir);
  }
  Proposal out;
  if (kind == "remove") {
    MAILLON_TRY(const Member* out_of, present(trust, who));
    out.remove = Removal{out_of->id};
  }
  return out;
}

}  // namespace maillon::admin
