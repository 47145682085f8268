#include "node/topology/topology.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/federation.hpp"

namespace maillon::test {
namespace {

using namespace storage;
using topology::choose;
using topology::Situation;

struct Who {
  explicit Who(Rng& rng)
      : root(crypto::Secret32::random(rng)), key(crypto::Secret32::random(rng)) {}
  crypto::SigningKey root;
  crypto::SigningKey key;
};

/// A federation with an address for each node. Every tenth member is a hub, of the region of those
/// between it and the next.
class Topology : public testing::Test {
 protected:
  void found(std::size_t members) {
    for (std::size_t i = 0; i < members; ++i) who_.emplace_back(rng_);
    Genesis genesis;
    genesis.charter.name = "Essai";
    genesis.charter.delegates = {who_[0].root.member_id()};
    genesis.creator = admission(0);
    genesis.creator.spaces = {annuaire_};
    const auto first = say(0, {{OpKind::genesis, encode(genesis)}});
    federation_ = *FederationId::from_bytes(first->id.bytes());
    trust_.add(*first);
    for (std::size_t i = 1; i < members; ++i) pass({admission(i), std::nullopt});
    for (std::size_t i = 0; i < members; ++i)
      hear(i, {{OpKind::address, encode(Address{{"ws://10.0.0." + std::to_string(i) + "/"}})}});
    trust_.settle();
  }
  void declare(const std::string& name, const std::string& readers) {
    SpaceDeclaration space;
    space.federation = federation_;
    space.name = name;
    space.readers = {readers};
    space.writers = {readers};
    Proposal proposal;
    proposal.space = encode(space);
    pass(proposal);
    trust_.settle();
  }
  [[nodiscard]] NodeId node(std::size_t i) const { return who_[i].key.node_id(); }
  [[nodiscard]] static std::string region(std::size_t i) { return std::to_string(10 + i / 10); }
  [[nodiscard]] Situation of(std::size_t i) const { return {node(i), 7 + i, {}, {}}; }

  Trust trust_;

 private:
  struct Said {
    OpKind kind;
    Bytes message;
  };
  Admission admission(std::size_t i) {
    return {crypto::NodeCertificate::make(who_[i].root, who_[i].key, 0).encode(),
            "M" + std::to_string(i),
            i % 10 == 0 ? Role::hub : Role::cooperative,
            region(i),
            std::nullopt,
            {}};
  }
  CommitPtr say(std::size_t i, const std::vector<Said>& ops) {
    Header header;
    header.federation = federation_;
    header.space = space_id(annuaire_);
    header.member = who_[i].root.member_id();
    header.node = node(i);
    header.seq = 1;
    header.hlc.packed = ++time_;
    if (last_) header.deps = {*last_};
    CommitDraft draft;
    for (const Said& said : ops) {
      OpTable table;
      Op op;
      op.kind = static_cast<std::uint32_t>(said.kind);
      table.fields.push_back({"message", 1, {}, {}, said.message});
      op.fields = {0, 1};
      draft.add(table, op);
    }
    auto out = must(draft.seal(header, 0, 0, who_[i].key, rng_));
    last_ = out->id;
    return out;
  }
  void hear(std::size_t i, const std::vector<Said>& ops) { trust_.add(*say(i, ops)); }
  void pass(const Proposal& proposal) {
    hear(0, {{OpKind::proposal, encode(proposal)}, {OpKind::vote, encode(Vote{std::nullopt, 1})}});
  }

  crypto::SeededRng rng_{1};
  std::vector<Who> who_;
  std::optional<CommitId> last_;
  std::uint64_t time_ = 0;
  Bytes annuaire_ = annuaire_declaration(rng_);
  FederationId federation_ = FederationId::zero();
};

TEST_F(Topology, ASmallFederationIsFullyConnected) {
  found(7);
  for (std::size_t i = 0; i < 7; ++i) {
    const auto chosen = choose(trust_, of(i));
    EXPECT_EQ(chosen.size(), 6u);
    EXPECT_FALSE(chosen.contains(node(i)));
  }
}

TEST_F(Topology, ALargeOneHasTheHubAndAFew) {
  found(60);
  for (std::size_t i = 0; i < 60; ++i) {
    const auto chosen = choose(trust_, of(i));
    EXPECT_LE(chosen.size(), topology::kHubs + topology::kOthers);
    EXPECT_GE(chosen.size(), topology::kOthers);
    const bool has_hub = i % 10 == 0 || chosen.contains(node(i - i % 10));
    EXPECT_TRUE(has_hub) << i;
  }
}

TEST_F(Topology, TheLinksHangTogether) {
  found(60);
  std::vector<std::set<std::size_t>> links(60);
  for (std::size_t a = 0; a < 60; ++a) {
    const auto chosen = choose(trust_, of(a));
    for (std::size_t b = 0; b < 60; ++b)
      if (chosen.contains(node(b))) {
        links[a].insert(b);
        links[b].insert(a);
      }
  }
  std::set<std::size_t> reached;
  std::vector<std::size_t> next{0};
  while (!next.empty()) {
    const std::size_t at = next.back();
    next.pop_back();
    if (reached.insert(at).second) next.insert(next.end(), links[at].begin(), links[at].end());
  }
  EXPECT_EQ(reached.size(), 60u);
}

TEST_F(Topology, WhoDoesNotAnswerIsReplacedAndNotForgotten) {
  found(60);
  Situation at = of(5);
  const auto before = choose(trust_, at);
  at.failing = before;
  const auto after = choose(trust_, at);
  EXPECT_TRUE(std::ranges::includes(after, before));
  EXPECT_GE(after.size(), before.size() + topology::kOthers);
  for (std::size_t i = 0; i < 60; ++i) at.failing.insert(node(i));
  EXPECT_LE(choose(trust_, at).size(), topology::kDialsMax);
}

TEST_F(Topology, EachSpaceHasTwoReadersAmongTheLinks) {
  found(60);
  declare("bureau", "region:13");
  const auto readers = [&](const std::set<NodeId>& chosen) {
    return std::ranges::count_if(
        chosen, [&](const NodeId& id) { return trust_.member_of(id)->region == "13"; });
  };
  for (std::size_t i = 30; i < 40; ++i) EXPECT_GE(readers(choose(trust_, of(i))), 2) << i;
  Situation at = of(30);
  const auto alone = choose(trust_, at);
  at.linked = {node(31), node(32)};
  EXPECT_LE(choose(trust_, at).size(), alone.size()) << "links that others made count";
}

TEST_F(Topology, AnotherSaltDrawsOthers) {
  found(60);
  Situation at = of(5);
  const auto before = choose(trust_, at);
  EXPECT_EQ(choose(trust_, at), before);
  at.salt = 1;
  EXPECT_NE(choose(trust_, at), before);
}

}  // namespace
}  // namespace maillon::test
