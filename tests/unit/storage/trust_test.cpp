#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/federation.hpp"

namespace maillon::test {
namespace {

using namespace storage;

crypto::Secret32 secret(std::uint64_t seed) {
  crypto::SeededRng rng{seed};
  return crypto::Secret32::random(rng);
}

/// A member with one node, without a store.
struct Who {
  explicit Who(std::uint64_t seed) : root(secret(2 * seed)), node(secret(2 * seed + 1)) {}
  [[nodiscard]] MemberId member() const { return root.member_id(); }
  [[nodiscard]] Bytes certificate() const {
    return crypto::NodeCertificate::make(root, node, 0).encode();
  }
  [[nodiscard]] Admission admission(std::string name) const {
    return {certificate(), std::move(name), Role::cooperative, "28", std::nullopt, {}};
  }
  crypto::SigningKey root;
  crypto::SigningKey node;
};

struct Said {
  OpKind kind;
  Bytes message;
};

class TrustFold : public testing::Test {
 protected:
  /// A commit of annuaire that has seen all before it; trust alone asks for no feeds.
  CommitPtr commit(const Who& who, const std::vector<Said>& ops, std::uint64_t hlc = 1,
                   const std::function<void(Header&)>& change = {}) {
    Header header;
    header.federation = federation_;
    header.space = space_id(annuaire_);
    header.member = who.member();
    header.node = who.node.node_id();
    header.seq = 1;
    header.hlc.packed = hlc;
    if (!federation_.is_zero()) header.deps = said_;
    if (change) change(header);
    CommitDraft draft;
    for (const Said& said : ops) {
      OpTable table;
      Op op;
      op.kind = static_cast<std::uint32_t>(said.kind);
      table.fields.push_back({"message", 1, {}, {}, said.message});
      op.fields = {0, 1};
      draft.add(table, op);
    }
    const auto out = must(draft.seal(header, 0, 0, who.node, rng_));
    said_.push_back(out->id);
    return out;
  }

  Genesis genesis() {
    Genesis out;
    out.charter.name = "Essai";
    out.charter.quorum = quorum_;
    out.charter.delegates = {founder.member()};
    out.creator = founder.admission("Fondatrice");
    out.creator.spaces = {annuaire_};
    return out;
  }
  CommitPtr founding(const Genesis& genesis) {
    federation_ = FederationId::zero();
    said_.clear();
    return commit(founder, {{OpKind::genesis, encode(genesis)}});
  }
  Trust founded() {
    const CommitPtr first = founding(genesis());
    federation_ = *FederationId::from_bytes(first->id.bytes());
    Trust trust;
    trust.apply(*first);
    return trust;
  }
  static Said admit(const Admission& admission) {
    return {OpKind::proposal, encode(Proposal{admission, std::nullopt})};
  }
  static Said vote(std::optional<CommitId> of, std::uint32_t leaf) {
    return {OpKind::vote, encode(Vote{std::move(of), leaf})};
  }

  crypto::SeededRng rng_{1};
  std::uint32_t quorum_ = 1;
  std::vector<CommitId> said_;
  Bytes annuaire_ = annuaire_declaration(rng_);
  FederationId federation_ = FederationId::zero();
  Who founder{1};
  Who second{2};
  Who third{3};
};

TEST_F(TrustFold, AGenesisFoundsAFederation) {
  const Trust trust = founded();
  EXPECT_EQ(trust.federation(), federation_);
  EXPECT_EQ(trust.annuaire(), space_id(annuaire_));
  ASSERT_NE(trust.member(founder.member()), nullptr);
  EXPECT_TRUE(trust.member(founder.member())->delegate);
  EXPECT_EQ(trust.member_of(founder.node.node_id())->id, founder.member());
  EXPECT_TRUE(trust.certified(founder.node.node_id(), founder.member()));
  EXPECT_TRUE(trust.may_write(founder.member(), trust.annuaire()));
  EXPECT_FALSE(trust.may_write(second.member(), trust.annuaire()));
  EXPECT_EQ(trust.space_named("annuaire")->id, trust.annuaire());
}

TEST_F(TrustFold, AGenesisThatBreaksARuleIsRefused) {
  const auto refused = [&](const CommitPtr& commit) {
    const auto got = Trust::check_genesis(*commit);
    Trust trust;
    trust.apply(*commit);
    EXPECT_FALSE(trust.federation());
    return got.has_error();
  };
  Genesis other = genesis();
  other.creator = second.admission("x");
  other.creator.spaces = {annuaire_};
  EXPECT_TRUE(refused(founding(other))) << "admits somebody else than its signer";
  other = genesis();
  other.creator.certificate[80] ^= 1;
  EXPECT_TRUE(refused(founding(other))) << "a forged certificate";
  other = genesis();
  other.creator.spaces.clear();
  EXPECT_TRUE(refused(founding(other))) << "declares no space";
  other = genesis();
  other.creator.spaces = {annuaire_declaration(rng_)};
  EXPECT_TRUE(refused(founding(other))) << "stands in another space";
  other = genesis();
  other.charter.delegates = {second.member()};
  EXPECT_TRUE(refused(founding(other))) << "its creator is no delegate";
  federation_ = FederationId::zero();
  EXPECT_TRUE(refused(commit(founder, {}))) << "no op";
  EXPECT_TRUE(refused(commit(founder, {vote({}, 1)}))) << "another op";
  EXPECT_TRUE(refused(commit(founder, {{OpKind::genesis, {0xff}}}))) << "not a genesis";
  const Said good{OpKind::genesis, encode(genesis())};
  EXPECT_TRUE(refused(commit(founder, {good}, 1, [](Header& h) {
    h.seq = 2;
    h.previous = CommitId::zero();
  }))) << "not the first";
  EXPECT_TRUE(refused(commit(founder, {good}, 1, [](Header& h) { h.deps = {CommitId::zero()}; })));
}

TEST_F(TrustFold, AVoteAdmits) {
  Trust trust = founded();
  trust.apply(*commit(founder, {admit(second.admission("Deux"))}));
  EXPECT_EQ(trust.member(second.member()), nullptr) << "proposed, not voted for";
  trust.apply(*commit(founder, {admit(third.admission("Trois")), vote({}, 1)}));
  ASSERT_NE(trust.member(third.member()), nullptr);
  EXPECT_EQ(trust.member(third.member())->name, "Trois");
  EXPECT_FALSE(trust.member(third.member())->delegate);
}

TEST_F(TrustFold, AWeakRootKeyIsNeverProposed) {
  Trust trust = founded();
  const auto change_to = [&](const MemberId& key) {
    Proposal proposal;
    proposal.root_key = RootKeyChange{founder.member(), key};
    trust.apply(*commit(founder, {{OpKind::proposal, encode(proposal)}, vote({}, 1)}));
  };
  // The point of order 2, and no point at all.
  change_to(*MemberId::from_hex("ec" + std::string(60, 'f') + "7f"));
  change_to(*MemberId::from_hex(std::string(64, 'f')));
  EXPECT_TRUE(trust.decisions().empty());
  EXPECT_EQ(trust.member(founder.member())->root, founder.member());
  change_to(third.root.member_id());
  EXPECT_EQ(trust.member(founder.member())->root, third.member());
}

TEST_F(TrustFold, AQuorumCountsMembersAndNotVotes) {
  quorum_ = 2;
  Trust trust = founded();
  // One member cannot be two: until there are enough, all are asked.
  trust.apply(*commit(founder, {admit(second.admission("Deux")), vote({}, 1)}));
  ASSERT_NE(trust.member(second.member()), nullptr);
  const auto proposal = commit(founder, {admit(third.admission("Trois")), vote({}, 1)});
  trust.apply(*proposal);
  trust.apply(*commit(founder, {vote(proposal->id, 1)}, 2));
  trust.apply(*commit(founder, {vote(proposal->id, 1)}, 3));
  EXPECT_EQ(trust.member(third.member()), nullptr) << "one member, three votes";
  trust.apply(*commit(third, {vote(proposal->id, 1)}, 4));
  EXPECT_EQ(trust.member(third.member()), nullptr) << "a stranger's vote";
  trust.apply(*commit(second, {vote(proposal->id, 1)}, 5));
  EXPECT_NE(trust.member(third.member()), nullptr);
}

// Who had not seen a proposal cannot have meant it.
TEST_F(TrustFold, AVoteForWhatItsAuthorHadNotSeenCountsForNothing) {
  Trust trust = founded();
  const auto before = said_;
  const auto proposal = commit(founder, {admit(second.admission("Deux"))});
  trust.apply(*proposal);
  trust.apply(*commit(founder, {vote(proposal->id, 1)}, 2, [&](Header& h) { h.deps = before; }));
  EXPECT_EQ(trust.member(second.member()), nullptr);
}

TEST_F(TrustFold, ConcurrentAdmissionsUniteInEveryOrder) {
  const Trust start = founded();
  const auto concurrently = [before = said_](Header& h) { h.deps = before; };
  Admission as_hub = second.admission("Deux");
  as_hub.role = Role::hub;
  Admission elsewhere = second.admission("Ailleurs");
  elsewhere.region = "53";
  // A node key that two members have certified.
  Admission shared = third.admission("Trois");
  shared.certificate = crypto::NodeCertificate::make(third.root, second.node, 0).encode();
  const std::vector<CommitPtr> commits{
      commit(founder, {admit(second.admission("Deux")), vote({}, 1)}, 3, concurrently),
      commit(founder, {admit(as_hub), vote({}, 1)}, 4, concurrently),
      commit(founder, {admit(elsewhere), vote({}, 1)}, 5, concurrently),
      commit(founder, {admit(shared), vote({}, 1)}, 6, concurrently),
  };
  std::set<std::string> outcomes;
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    Trust trust = start;
    for (const std::size_t i : order) trust.apply(*commits[i]);
    std::string outcome;
    for (const auto& [id, member] : trust.members())
      outcome += id.hex() + member.name + member.region +
                 std::to_string(static_cast<int>(member.role)) + ";";
    for (const auto& [id, node] : trust.nodes()) outcome += id.hex() + node.member.hex() + ";";
    outcomes.insert(outcome);
    EXPECT_TRUE(trust.certified(second.node.node_id(), second.member()));
    EXPECT_TRUE(trust.certified(second.node.node_id(), third.member()));
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(outcomes.size(), 1u);
}

TEST_F(TrustFold, TheNewestAddressOfANodeHolds) {
  Trust trust = founded();
  const auto said = [&](std::uint64_t hlc, std::vector<std::string> urls) {
    return commit(founder, {{OpKind::address, encode(Address{std::move(urls)})}}, hlc);
  };
  const auto urls = [&] { return trust.nodes().at(founder.node.node_id()).urls; };
  trust.apply(*said(20, {"ws://new"}));
  trust.apply(*said(10, {"ws://old"}));
  EXPECT_EQ(urls(), std::vector<std::string>{"ws://new"});
  trust.apply(*commit(founder, {{OpKind::address, {0xff}}}, 30));
  EXPECT_EQ(urls(), std::vector<std::string>{"ws://new"}) << "unreadable, no effect";
  trust.apply(*said(40, {"ws://published again"}), /*is_void=*/true);
  EXPECT_EQ(urls(), std::vector<std::string>{"ws://new"});
  trust.apply(*said(30, {}));
  EXPECT_TRUE(urls().empty());
}

// What others may have built on stays, even if its member publishes it again.
TEST_F(TrustFold, AVoidCommitsDecisionsCount) {
  Trust trust = founded();
  trust.apply(*commit(founder, {admit(second.admission("Deux")), vote({}, 1)}), /*is_void=*/true);
  EXPECT_NE(trust.member(second.member()), nullptr);
}

TEST_F(TrustFold, SpacesSayWhoMayReadAndWrite) {
  Trust trust = founded();
  Admission hub = second.admission("Deux");
  hub.role = Role::hub;
  Admission north = third.admission("Trois");
  north.region = "32";
  trust.apply(*commit(founder, {admit(hub), vote({}, 1), admit(north), vote({}, 3)}));
  const auto declare = [&](std::string name, std::vector<std::string> rules) {
    SpaceDeclaration space;
    space.federation = federation_;
    space.name = std::move(name);
    space.readers = {"all"};
    space.writers = std::move(rules);
    const Bytes bytes = encode(space);
    trust.apply(
        *commit(founder, {{OpKind::proposal, encode(Proposal{std::nullopt, bytes})}, vote({}, 1)}));
    return space_id(bytes);
  };
  const auto writers = [&](const SpaceId& space) {
    return std::string(trust.may_write(founder.member(), space) ? "f" : "") +
           (trust.may_write(second.member(), space) ? "s" : "") +
           (trust.may_write(third.member(), space) ? "t" : "");
  };
  EXPECT_EQ(writers(declare("a", {"all"})), "fst");
  EXPECT_EQ(writers(declare("b", {"role:hub"})), "s");
  EXPECT_EQ(writers(declare("c", {"role:cooperative"})), "ft");
  EXPECT_EQ(writers(declare("d", {"region:32"})), "t");
  EXPECT_EQ(writers(declare("e", {"member:" + founder.member().hex(), "region:32"})), "ft");
  EXPECT_EQ(writers(declare("f", {"nonsense"})), "");
  EXPECT_EQ(writers(SpaceId::zero()), "") << "not declared";
  EXPECT_TRUE(trust.may_read(third.member(), trust.space_named("b")->id));
}

TEST_F(TrustFold, ASpaceOfAnotherFederationIsNotDeclared) {
  Trust trust = founded();
  SpaceDeclaration space;
  space.name = "ailleurs";
  space.federation = FederationId::from_array({1});
  for (int i = 0; i < 2; ++i, space.federation.reset())
    trust.apply(*commit(
        founder, {{OpKind::proposal, encode(Proposal{std::nullopt, encode(space)})}, vote({}, 1)}));
  EXPECT_EQ(trust.space_named("ailleurs"), nullptr);
}

TEST_F(TrustFold, AnInvitationCountsOnce) {
  Trust trust = founded();
  const Digest token = crypto::hash(Bytes{1, 2, 3});
  Admission admission = second.admission("Deux");
  admission.invitation = token;
  EXPECT_FALSE(trust.invitation_used(token));
  trust.apply(*commit(founder, {admit(admission), vote({}, 1)}));
  EXPECT_TRUE(trust.invitation_used(token));
}

// A key that was taken back admits nobody, whatever it says that it has seen; what it said before
// stays.
TEST_F(TrustFold, ARevokedKeyAdmitsNobody) {
  Trust trust = founded();
  trust.apply(*commit(founder, {admit(second.admission("Deux")), vote({}, 1)}));
  const auto before = said_;
  const auto known = commit(second, {admit(third.admission("Trois")), vote({}, 1)}, 2);
  trust.apply(*known);
  Revocation taken;
  taken.node = second.node.node_id();
  taken.root = second.root.member_id();
  taken.cut = {{space_id(annuaire_), known->id}};
  const auto sign = [&](const Who& who) {
    const auto signature =
        who.root.sign("maillon/revocation/v1", revocation_bytes(federation_, taken));
    taken.signature.assign(signature.bytes().begin(), signature.bytes().end());
  };
  sign(third);
  trust.apply(*commit(founder, {{OpKind::revocation, encode(taken)}}, 3));
  EXPECT_NE(trust.member_of(second.node.node_id()), nullptr) << "signed by another";
  sign(second);
  trust.apply(*commit(founder, {{OpKind::revocation, encode(taken)}}, 4));
  EXPECT_EQ(trust.member_of(second.node.node_id()), nullptr);
  const Who accomplice{4};
  trust.apply(*commit(second, {admit(accomplice.admission("Complice")), vote({}, 1)}, 5,
                      [&](Header& h) { h.deps = before; }));
  EXPECT_EQ(trust.member(accomplice.member()), nullptr);
  EXPECT_NE(trust.member(third.member()), nullptr);
  EXPECT_NE(trust.member(second.member()), nullptr) << "the member goes on, with other nodes";
}

// A key that only claims to be a member's cannot make it leave.
TEST_F(TrustFold, OnlyAMemberItselfLeaves) {
  Trust trust = founded();
  trust.apply(*commit(founder, {admit(second.admission("Deux")), vote({}, 1)}));
  Proposal leaving;
  leaving.remove = Removal{second.member()};
  const Said said{OpKind::proposal, encode(leaving)};
  trust.apply(*commit(third, {said}, 2, [&](Header& h) { h.member = second.member(); }));
  EXPECT_NE(trust.member(second.member()), nullptr);
  trust.apply(*commit(second, {said}, 3));
  EXPECT_EQ(trust.member(second.member()), nullptr);
  EXPECT_NE(trust.ever_member(second.member()), nullptr);
}

}  // namespace
}  // namespace maillon::test
