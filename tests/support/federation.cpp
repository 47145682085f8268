#include "tests/support/federation.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace maillon::test {

using namespace storage;

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "maillon-XXXXXX").string();
  MAILLON_ASSERT(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {
crypto::Secret32 secret(std::uint64_t seed) {
  crypto::SeededRng rng{seed};
  return crypto::Secret32::random(rng);
}
}  // namespace

TestNode::TestNode(std::string name_, std::uint64_t seed, const StoreOptions& options_)
    : name(std::move(name_)),
      rng(seed),
      root_key(secret(seed * 2 + 1'000'000)),
      node_key(secret(seed * 2 + 1'000'001)),
      member(root_key.member_id()),
      incarnation(rng.u64()),
      options(options_),
      store(must(Store::open(options_))) {}

Bytes TestNode::certificate() const {
  return crypto::NodeCertificate::make(root_key, node_key, 0).encode();
}

void TestNode::found(const std::string& region, UnixMillis now) {
  Genesis genesis;
  genesis.charter.name = "Fédération d’essai";
  genesis.charter.delegates = {member};
  const Bytes annuaire = annuaire_declaration(rng);
  genesis.creator = {certificate(), name, Role::cooperative, region, std::nullopt, {annuaire}};
  must(store->begin());
  must(store->write_genesis(genesis, annuaire, author(), now, rng));
  Proposal spaces;
  std::vector<GovernanceOp> ops;
  std::uint32_t leaf = 0;
  auto all = regional_spaces(*store->federation(), region);
  for (auto& common : common_spaces(*store->federation())) all.push_back(common);
  for (const Bytes& declaration : all) {
    spaces.space = declaration;
    ops.push_back({OpKind::proposal, encode(spaces)});
    ops.push_back({OpKind::vote, encode(Vote{std::nullopt, leaf + 1})});
    leaf += 2;
  }
  must(store->write_governance(ops, author(), now, rng));
  must(store->commit());
}

void TestNode::join(TestNode& founder, UnixMillis now) {
  Proposal admission;
  admission.admit = Admission{certificate(), name, Role::cooperative, "28", std::nullopt, {}};
  must(founder.store->begin());
  const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(admission)},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  must(founder.store->write_governance(ops, founder.author(), now, founder.rng));
  must(founder.store->commit());
  must(store->begin());
  must(store->set_federation(*founder.store->federation()));
  must(store->commit());
  pull(founder, now);
}

Written TestNode::write(std::string_view where, std::vector<Change> changes, UnixMillis now) {
  must(store->begin());
  auto out = store->write(space(where), changes, author(), now, rng);
  const bool refused = out.has_error() && (out.error().code == Errc::not_allowed ||
                                           out.error().code == Errc::refused);
  if (refused) {
    must(store->rollback());
    return {};
  }
  must(store->commit());
  return must(std::move(out));
}

Received TestNode::receive(const CommitPtr& commit, UnixMillis now) {
  must(store->begin());
  auto out = must(store->receive(must(verify_commit(commit->bytes)), now));
  must(store->commit());
  return out;
}

void TestNode::pull(TestNode& other, UnixMillis now) {
  for (std::int64_t id = 1; id <= must(other.store->log().last_id()); ++id)
    (void)receive(must(load_commit(must(other.store->log().bytes_of(id)))), now);
}

SpaceId TestNode::space(std::string_view where) const {
  const Space* found = store->trust()->space_named(where);
  MAILLON_ASSERT(found != nullptr, "the space is declared");
  return found->id;
}

Digest TestNode::digest(std::string_view where) {
  return must(store->records().digest(must(store->log().space_row(space(where)))));
}

Digest TestNode::frontier(std::string_view where) {
  return must(store->log().frontier(must(store->log().space_row(space(where)))));
}

std::vector<CommitPtr> TestNode::commits(std::string_view where) {
  std::vector<CommitPtr> out;
  const auto row = must(store->log().space_row(space(where)));
  std::vector<std::int64_t> ids;
  must(store->log().scan_all(row, [&](const LogEntry& entry) -> Result<bool> {
    ids.push_back(entry.id);
    return true;
  }));
  for (const auto id : ids) out.push_back(must(load_commit(must(store->log().bytes_of(id)))));
  return out;
}

std::string TestNode::value(std::string_view where, std::string_view collection, const RecordId& id,
                            std::string_view field) {
  const auto row = must(store->log().space_row(space(where)));
  const auto known = must(store->names().find_collection(row, collection));
  const auto record = known ? must(store->records().find(*known, id)) : std::nullopt;
  if (!record) return "-";
  const auto state = must(merge::decode_state(record->state));
  for (const auto& shown : merge::show(state, store->records().context()).fields)
    if (must(store->names().text(shown.name())) == field) return must(shown.value()).display();
  return "-";
}

Change patch(std::string_view collection, const RecordId& id,
             std::vector<std::pair<std::string, Value>> fields) {
  Change out;
  out.collection = collection;
  out.id = id;
  out.fields = std::move(fields);
  return out;
}

Change imported(std::string_view collection, std::string_view source, std::string_view external,
                std::vector<std::pair<std::string, Value>> fields) {
  Change out = patch(collection, derived_record_id(collection, source, external), std::move(fields));
  out.form = IdForm::derived;
  out.source = source;
  out.external_id = external;
  return out;
}

Change removal(std::string_view collection, const RecordId& id) {
  Change out = patch(collection, id, {});
  out.kind = OpKind::remove;
  return out;
}

}  // namespace maillon::test
