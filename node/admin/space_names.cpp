#include "node/admin/space_names.hpp"

#include <algorithm>

#include "node/admin/decision_words.hpp"
#include "node/federation/decisions.hpp"

namespace maillon::admin {
namespace {

using storage::Space;
using storage::Trust;

constexpr std::size_t kNamed = 8;  ///< candidates that one sentence names

Error no_space(const std::string& shown) {
  return said(
      Errc::not_found, "there is no space `" + shown + "` here",
      "il n’y a pas d’espace « " + shown + " » ici",
      "`maillon space list` shows those that there are; after joining, run `maillon sync`",
      "« maillon space list » montre ceux qui existent ; après une adhésion, lancez « maillon "
      "sync »");
}

std::string listed(const Trust& trust, const std::vector<const Space*>& found, Language language) {
  std::string out;
  for (std::size_t i = 0; i < found.size() && i < kNamed; ++i)
    out += fmt::format(
        "{}{} ({})", i == 0 ? "" : ", ", found[i]->id.hex(),
        say(language, "lu par : {}", "read by: {}",
            access_in_words(trust, access_to(trust, *found[i], /*write=*/false), language)));
  return found.size() > kNamed ? out + ", …" : out;
}

Error ambiguous(const Trust& trust, const std::string& shown,
                const std::vector<const Space*>& found) {
  return said(Errc::refused,
              fmt::format("`{}` means {} spaces: {}", shown, found.size(),
                          listed(trust, found, Language::english)),
              fmt::format("« {} » désigne {} espaces : {}", shown, found.size(),
                          listed(trust, found, Language::french)),
              "give the id of the one that you mean; `maillon space list` shows them",
              "donnez l’identifiant de celui que vous voulez ; « maillon space list » les montre");
}

/// Whether a rule means somebody whom this admits.
bool means(const std::string& rule, const MemberId& member, const Admission& admission) {
  if (rule == "all") return true;
  if (rule == "role:hub") return admission.role == Role::hub;
  if (rule == "role:cooperative") return admission.role == Role::cooperative;
  if (rule.starts_with("region:")) return rule.substr(7) == admission.region;
  return rule == "member:" + member.hex();
}

}  // namespace

Access access_to(const Trust& trust, const Space& space, bool write) {
  Access out{write ? space.declaration.writers : space.declaration.readers, {}};
  for (const storage::Decision& decision : trust.decisions()) {
    const auto& change = decision.proposal->access;
    if (!change || change->narrow || change->space != space.id || !decision.passed) continue;
    for (const std::string& rule : write ? change->writers : change->readers)
      if (std::ranges::find(out.rules, rule) == out.rules.end()) out.rules.push_back(rule);
  }
  for (const auto& [id, member] : trust.members())
    if (write ? trust.ever_writer(id, space.id) && !trust.may_write(id, space.id)
              : trust.ever_reader(id, space.id) && !trust.may_read(id, space.id))
      out.except.push_back(id);
  return out;
}

std::string access_in_words(const Trust& trust, const Access& access, Language language) {
  std::string out = rules_in_words(trust, access.rules, language);
  if (!access.except.empty())
    out += say(language, ", sauf {}", ", except {}", named(trust, access.except));
  return out;
}

SpaceNames::SpaceNames(const Trust& trust, const MemberId& self) : trust_(trust), self_(self) {
  for (const auto& [id, space] : trust.spaces()) all_.push_back(&space);
  add_lapsed();
  std::ranges::stable_sort(all_, {}, [](const Space* s) { return s->declaration.name; });
}

/// Of an admission that has lost its votes, the spaces that it declares are gone from annuaire;
/// what is here of them is still to be read.
void SpaceNames::add_lapsed() {
  const auto lapse = federation::lapse_of(trust_, self_);
  if (!lapse) return;
  lapsed_ = &*lapse->admission->proposal->admit;
  if (lapsed_->region.empty()) return;
  for (const Bytes& bytes : storage::regional_spaces(*trust_.federation(), lapsed_->region)) {
    auto declaration = decode_space(bytes);
    const SpaceId id = storage::space_id(bytes);
    if (!declaration || trust_.space(id) != nullptr) continue;
    its_own_.push_back({id, *std::move(declaration), {}, /*is_default=*/true});
  }
  for (const Space& space : its_own_) all_.push_back(&space);
}

bool SpaceNames::reads(const Space& space) const {
  if (lapsed_ == nullptr) return trust_.ever_reader(self_, space.id);
  const Access readers = access_to(trust_, space, /*write=*/false);
  return std::ranges::any_of(
      readers.rules, [&](const std::string& rule) { return means(rule, self_, *lapsed_); });
}

std::vector<const Space*> SpaceNames::of_name(std::string_view name) const {
  std::vector<const Space*> out;
  std::ranges::copy_if(all_, std::back_inserter(out),
                       [&](const Space* space) { return space->declaration.name == name; });
  return out;
}

const Space* SpaceNames::meant_by_name(std::string_view name) const {
  const auto alike = of_name(name);
  const auto ours = std::ranges::find_if(alike, &Space::is_default);
  if (ours != alike.end()) return *ours;
  // What somebody else calls by the same name takes nothing away from whom it is closed to.
  std::vector<const Space*> readable;
  std::ranges::copy_if(alike, std::back_inserter(readable),
                       [&](const Space* space) { return reads(*space); });
  if (readable.size() == 1) return readable.front();
  return alike.size() == 1 ? alike.front() : nullptr;
}

Result<const Space*> SpaceNames::meant(const std::string& text) const {
  const std::string shown = for_terminal(text, 80);
  // Never a name that looks like one: whoever types an id has a certain space in mind.
  if (const auto id = SpaceId::from_hex(text)) {
    const auto found = std::ranges::find(all_, *id, &Space::id);
    if (found == all_.end()) return no_space(shown);
    return *found;
  }
  if (const Space* one = meant_by_name(text)) return one;
  const auto alike = of_name(text);
  if (alike.empty()) return no_space(shown);
  return ambiguous(trust_, shown, alike);
}

std::string SpaceNames::typed(const SpaceId& id, const std::string& name) const {
  const Space* meant = meant_by_name(name);
  const bool alone = meant != nullptr ? meant->id == id : of_name(name).empty();
  return alone && !SpaceId::from_hex(name) ? name : id.hex();
}

}  // namespace maillon::admin
