#include "node/federation/refound.hpp"

#include <algorithm>

#include "node/federation/decisions.hpp"
#include "node/federation/own_values.hpp"
#include "node/replica/next.hpp"

namespace maillon::federation {

using namespace storage;

namespace {

constexpr const char* kBring = "setting.bring";  ///< the federation to bring from, in hexadecimal
constexpr std::size_t kChangesAtOnce = 2000;

Result<void> write_in(Store& store, const SpaceId& space, std::span<const Change> changes,
                      const Author& author, UnixMillis now, Rng& rng) {
  for (std::size_t from = 0; from < changes.size(); from += kChangesAtOnce) {
    const auto some = changes.subspan(from, std::min(kChangesAtOnce, changes.size() - from));
    MAILLON_TRY(const auto written, store.write(space, some, author, now, rng));
  }
  return {};
}

/// The declaration of a former federation's space, as one of another.
Bytes declared_in(const FederationId& federation, const Space& space) {
  SpaceDeclaration out = space.declaration;
  out.federation = federation;
  return encode(out);
}

/// Where what stood in a former federation's space goes on. Two spaces may share a name; only the
/// one that it means goes on as whatever it means now.
const Space* goes_on_as(const Trust& former, const Space& space, const Trust& now) {
  if (const Space* same = now.space(space_id(declared_in(*now.federation(), space)))) return same;
  const std::string& name = space.declaration.name;
  return former.space_named(name)->id == space.id ? now.space_named(name) : nullptr;
}

/// Writes again what `self` wrote in the former federation.
Result<Brought> bring(const Trust& former, replica::Reader& reader, const MemberId& self,
                      Store& store, const Author& author, UnixMillis now, Rng& rng) {
  Brought out;
  reader.records().set_owner_rule(
      [&](const MemberId& owner, const MemberId& by) { return former.may_change_of(owner, by); });
  for (const auto& [id, space] : former.spaces()) {
    if (id == former.annuaire()) continue;
    MAILLON_TRY(const OwnValues own, own_values(former, reader, id, self, author.member));
    if (own.empty()) continue;
    const std::string& name = space.declaration.name;
    const Space* here = goes_on_as(former, space, *store.trust());
    if (here == nullptr || !store.trust()->may_write(author.member, here->id)) {
      out.left.push_back(name);
      continue;
    }
    for (const auto* changes : {&own.from_sources, &own.by_hand, &own.deletes})
      MAILLON_CHECK(write_in(store, here->id, *changes, author, now, rng));
    for (const auto* changes : {&own.from_sources, &own.by_hand})
      for (const Change& change : *changes) out.values += change.fields.size() + change.edits.size();
    out.deletes += own.deletes.size();
  }
  return out;
}

/// The spaces of the former federation, with what was given and taken since.
Result<void> declare_again(const Trust& former, Store& store, const Author& author, UnixMillis now,
                           Rng& rng) {
  std::map<SpaceId, SpaceId> renamed;
  std::vector<Proposal> meant;
  std::vector<Proposal> others;  ///< of names that mean another space: declared after it, as before
  for (const auto& [id, space] : former.spaces()) {
    if (id == former.annuaire()) continue;
    const Bytes bytes = declared_in(*store.federation(), space);
    const SpaceId fresh = space_id(bytes);
    renamed.emplace(id, fresh);
    if (store.trust()->space(fresh) != nullptr) continue;
    const bool by_name = former.space_named(space.declaration.name)->id == id;
    (by_name ? meant : others).push_back({std::nullopt, bytes});
  }
  MAILLON_CHECK(propose_and_vote(store, meant, author, now, rng));
  MAILLON_CHECK(propose_and_vote(store, others, author, now, rng));
  for (const Decision& decision : former.decisions()) {
    const auto& change = decision.proposal->access;
    if (!change || !decision.passed || !renamed.contains(change->space)) continue;
    Proposal again;
    again.access = change;
    again.access->space = renamed.at(change->space);
    // One by one: a commit that narrows and widens would leave open which came first.
    MAILLON_CHECK(propose_and_vote(store, {again}, author, now, rng));
  }
  return {};
}

/// Beside the next database the present one keeps its name; a node that has been there and back
/// would take the place of what it left the first time.
Result<void> check_room_beside(const std::filesystem::path& folder) {
  std::error_code none;
  if (!std::filesystem::exists(folder / "maillon.db", none)) return {};
  return Error{Errc::refused, "there is data of this federation in " + folder.string() + " already",
               "il y a déjà des données de cette fédération dans " + folder.string(),
               "move that folder away, then run it again",
               "déplacez ce dossier, puis relancez la commande"};
}

/// Errc::refused while somebody asked to erase what `self` wrote, and it has not said whether: it would
/// neither come along nor be erased.
Result<void> nothing_waits(replica::Replica& old, const MemberId& self) {
  const auto count = old.read<std::size_t>([&](replica::Reader& reader) -> Result<std::size_t> {
    Erasures& erasures = reader.records().erasures();
    std::size_t out = 0;
    MAILLON_TRY(const auto open, erasures.open());
    for (const std::int64_t log_id : open) {
      MAILLON_TRY(const auto asked, erasures.asked_by(log_id));
      bool waits = false;
      for (const Erasure& erasure : asked) {
        MAILLON_TRY(const bool hides, erasures.hides_something(erasure));
        if (!hides) continue;
        MAILLON_TRY(const auto whose, erasures.meant_member(erasure.target));
        waits = waits || whose == self;
      }
      out += waits ? 1 : 0;
    }
    return out;
  });
  if (count.has_error()) return count.error();
  if (*count == 0) return {};
  const std::string many = std::to_string(*count);
  return Error{Errc::refused,
               many + " erasure(s) of what this member wrote wait for its word: that would not come along",
               many + " effacement(s) de ce que ce membre a écrit attendent son accord : cela ne suivrait pas",
               "decide first: `maillon erasures`, then confirm or lift each; and run it again",
               "décidez d’abord : « maillon erasures », puis confirm ou lift pour chacun ; et relancez"};
}

Result<Charter> charter_after(const Charter& former, const RefoundOptions& options) {
  Charter out = former;
  if (options.name) out.name = *options.name;
  if (options.quorum) {
    MAILLON_TRY(out.quorum, quorum_from(*options.quorum));
  }
  return out;
}

}  // namespace

Result<Refounded> refound(replica::Replica& old, const RefoundOptions& options) {
  const auto trust = old.trust();
  auto who = old.identity();
  const Member* member = trust->member_of(who.node);
  if (member == nullptr) return not_a_member();
  MAILLON_CHECK(nothing_waits(old, who.member));
  // As it was admitted, which may differ from what `init` was told.
  who.name = member->name;
  who.role = member->role;
  who.region = member->region;
  Refounded out;
  out.former = *old.federation();
  out.former_data = replica::former_folder(old.dir(), out.former);
  MAILLON_CHECK(check_room_beside(out.former_data));
  MAILLON_TRY(const auto line, line_of(old));
  MAILLON_TRY(const Charter charter, charter_after(trust->charter(), options));
  const auto key = old.key();
  const auto now = old.clock().now();
  MAILLON_TRY(const auto certificate, crypto::NodeCertificate::decode_verified(who.certificate));
  const Author author{certificate.member, old.rng().u64(), key.get()};
  MAILLON_TRY(auto next, replica::make_next(old, author.incarnation));
  MAILLON_CHECK(next->begin());
  MAILLON_CHECK(found(*next, charter, line, who, author, now, old.rng()));
  MAILLON_CHECK(declare_again(*trust, *next, author, now, old.rng()));
  MAILLON_TRY(auto database, old.open_reader());
  replica::Reader reader{database};
  MAILLON_TRY(out.brought, bring(*trust, reader, who.member, *next, author, now, old.rng()));
  MAILLON_CHECK(next->commit());
  out.federation = *next->federation();
  return out;
}

Result<void> prepare_move(replica::Replica& old, const std::string& code) {
  MAILLON_CHECK(check_room_beside(replica::former_folder(old.dir(), *old.federation())));
  MAILLON_CHECK(nothing_waits(old, old.identity().member));
  MAILLON_TRY(auto next, replica::make_next(old, old.rng().u64()));
  MAILLON_CHECK(next->begin());
  MAILLON_CHECK(next->set_meta(kBring, as_bytes(old.federation()->hex())));
  MAILLON_CHECK(next->set_meta("setting.wish", as_bytes(code)));
  MAILLON_CHECK(next->set_unwanted({/*all=*/true}));
  return next->commit();
}

Result<std::optional<Brought>> bring_along(replica::Replica& replica) {
  MAILLON_TRY(const auto from, replica.setting("bring"));
  if (!from || from->empty() || replica.trust()->member_of(replica.identity().node) == nullptr)
    return std::optional<Brought>{};
  MAILLON_TRY(const FederationId federation, FederationId::from_hex(*from));
  StoreOptions options;
  options.path = replica::former_folder(replica.dir(), federation) / "maillon.db";
  MAILLON_TRY(const auto old, Store::open(options));
  const auto trust = old->trust();
  replica::Reader reader{old->database()};
  return replica.write<std::optional<Brought>>([&](Store& store) -> Result<std::optional<Brought>> {
    MAILLON_TRY(const auto still, store.meta(kBring));
    if (!still || still->empty()) return std::optional<Brought>{};
    MAILLON_CHECK(store.set_meta(kBring, {}));
    MAILLON_CHECK(store.set_unwanted({}));
    MAILLON_TRY(const auto continues, continued_by(store.log(), *store.federation()));
    MAILLON_TRY(auto line, continued_by(old->log(), federation));
    line.insert(line.begin(), federation);
    // The code said otherwise: what is beside stays there.
    if (!may_move(line, continues)) return std::optional{Brought{}};
    const Author author = replica.author();
    const auto self = trust->nodes().find(author.node());
    const MemberId before = self == trust->nodes().end() ? author.member : self->second.member;
    MAILLON_TRY(auto brought,
                bring(*trust, reader, before, store, author, replica.clock().now(), replica.rng()));
    return std::optional{std::move(brought)};
  });
}

Result<std::vector<FederationId>> continued_by(Log& log, const FederationId& federation) {
  MAILLON_TRY(const auto entry, log.find(*CommitId::from_bytes(federation.bytes())));
  if (!entry) return std::vector<FederationId>{};
  MAILLON_TRY(SignedCommit bytes, log.bytes_of(entry->id));
  MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
  MAILLON_TRY(const Genesis genesis, Trust::check_genesis(*commit));
  std::vector<FederationId> out;
  if (!genesis.refounds) return out;
  out.push_back(*genesis.refounds);
  out.insert(out.end(), genesis.before.begin(), genesis.before.end());
  return out;
}

Result<std::vector<FederationId>> line_of(replica::Replica& replica) {
  const auto own = replica.federation();
  if (!own) return std::vector<FederationId>{};
  MAILLON_TRY(auto out, replica.read<std::vector<FederationId>>([&](replica::Reader& reader) {
    return continued_by(reader.log(), *own);
  }));
  out.insert(out.begin(), *own);
  return out;
}

bool may_move(const std::vector<FederationId>& line, const std::vector<FederationId>& continues) {
  return std::ranges::any_of(continues, [&](const FederationId& one) {
    return std::ranges::find(line, one) != line.end();
  });
}

}  // namespace maillon::federation
