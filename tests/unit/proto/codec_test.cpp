#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "proto/limits.hpp"

namespace maillon {
namespace {

template <class Id>
Id id_number(std::uint8_t n) {
  std::array<std::uint8_t, 32> raw{};
  raw[0] = n;
  return Id::from_array(raw);
}

Header sample() {
  Header h;
  h.federation = id_number<FederationId>(1);
  h.space = id_number<SpaceId>(2);
  h.member = id_number<MemberId>(3);
  h.node = id_number<NodeId>(4);
  h.incarnation = ~0ull;
  h.seq = 2;
  h.previous = id_number<CommitId>(5);
  h.hlc = Hlc{~0ull};
  h.deps = {id_number<CommitId>(6), id_number<CommitId>(7)};
  h.reissues = id_number<CommitId>(8);
  h.root = id_number<Digest>(9);
  h.leaves = 3;
  h.body_size = 100;
  h.total_ops = 5;
  h.total_bytes = 900;
  h.annuaire_heads = {id_number<CommitId>(10)};
  return h;
}

TEST(HeaderCodec, RoundTrips) {
  const Bytes bytes = encode_header(sample());
  const auto back = decode_header(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(encode_header(*back), bytes);
  EXPECT_EQ(back->deps, sample().deps);
  EXPECT_EQ(back->feed(), sample().feed());
  Header genesis = sample();
  genesis.federation = FederationId::zero();
  genesis.seq = 1;
  genesis.previous.reset();
  EXPECT_TRUE(decode_header(encode_header(genesis))->federation.is_zero());
}

struct Broken {
  const char* name;
  std::function<void(Header&)> how;
  Errc code = Errc::malformed;
};
class BrokenHeader : public testing::TestWithParam<Broken> {};

// What a header alone can show to be wrong.
TEST_P(BrokenHeader, IsRefused) {
  Header h = sample();
  GetParam().how(h);
  const auto got = decode_header(encode_header(h));
  ASSERT_TRUE(got.has_error());
  EXPECT_EQ(got.error().code, GetParam().code);
}

std::vector<CommitId> too_many() {
  std::vector<CommitId> out;
  for (std::size_t i = 0; i <= limits::kDepsMax; ++i) {
    std::array<std::uint8_t, 32> raw{};
    raw[0] = static_cast<std::uint8_t>(i >> 8);
    raw[1] = static_cast<std::uint8_t>(i);
    out.push_back(CommitId::from_array(raw));
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BrokenHeader,
    testing::Values(
        Broken{"LaterVersion", [](Header& h) { h.version = 2; }, Errc::newer_version},
        Broken{"SeqZero", [](Header& h) { h.seq = 0; }},
        Broken{"FirstWithPrevious", [](Header& h) { h.seq = 1; }},
        Broken{"LaterWithoutPrevious", [](Header& h) { h.previous.reset(); }},
        Broken{"ReissueOfItsPrevious", [](Header& h) { h.reissues = h.previous; }},
        Broken{"TooManyLeaves", [](Header& h) { h.leaves = limits::kCommitOpsMax + 2; }},
        Broken{"BodyTooLarge", [](Header& h) { h.body_size = limits::kCommitBodyMax + 1; }},
        Broken{"LeavesWithoutBody", [](Header& h) { h.body_size = 0; }},
        Broken{"BodyWithoutLeaves", [](Header& h) { h.leaves = 0; }},
        Broken{"FewerOpsThanItsOwn", [](Header& h) { h.total_ops = 1; }},
        Broken{"FewerBytesThanItsOwn", [](Header& h) { h.total_bytes = 99; }},
        Broken{"DepsNotAscending", [](Header& h) { std::swap(h.deps[0], h.deps[1]); }},
        Broken{"DepsRepeated", [](Header& h) { h.deps[1] = h.deps[0]; }},
        Broken{"TooManyDeps", [](Header& h) { h.deps = too_many(); }},
        Broken{"TooManyAnnuaireHeads", [](Header& h) { h.annuaire_heads = too_many(); }}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(HeaderCodec, RefusesOtherBytes) {
  EXPECT_FALSE(decode_header({}));
  const Bytes bytes = encode_header(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    (void)decode_header(ByteView{bytes}.first(size));  // Refused or not: never a crash.
  EXPECT_FALSE(decode_header(ByteView{bytes}.first(bytes.size() - 1)));
  EXPECT_FALSE(decode_header(Bytes(limits::kHeaderMax + 1)));
  // An unknown field is no reason to refuse: a later version may add one.
  Bytes longer = bytes;
  longer.insert(longer.end(), {0xf8, 0x06, 0x01});
  EXPECT_TRUE(decode_header(longer).has_value());
}

TEST(GovernanceCodec, RoundTrips) {
  SpaceDeclaration space{id_number<FederationId>(1), {}, "catalogue/28", {"all"}, {"role:hub"},
                         {id_number<MemberId>(2)}};
  EXPECT_EQ(encode(*decode_space(encode(space))), encode(space));
  Admission admission{{1, 2, 3}, "Coop", Role::hub, "28", id_number<Digest>(4), {encode(space)}};
  Genesis genesis{{"Fédération", 2, {id_number<MemberId>(1)}, 30, 5, 6, 7},
                  admission,
                  id_number<FederationId>(9),
                  {id_number<FederationId>(8), id_number<FederationId>(7)}};
  EXPECT_EQ(decode_genesis(encode(genesis))->before, genesis.before);
  EXPECT_EQ(encode(*decode_genesis(encode(genesis))), encode(genesis));
  EXPECT_EQ(decode_genesis(encode(genesis))->charter.delegates.size(), 1u);
  const Proposal admit{admission, std::nullopt};
  const auto back = decode_proposal(encode(admit));
  ASSERT_TRUE(back && back->admit);
  EXPECT_EQ(back->admit->name, "Coop");
  EXPECT_FALSE(back->space);
  EXPECT_EQ(decode_proposal(encode(Proposal{std::nullopt, encode(space)}))->space, encode(space));
  EXPECT_EQ(decode_vote(encode(Vote{id_number<CommitId>(3), 7}))->leaf, 7u);
  EXPECT_FALSE(decode_vote(encode(Vote{}))->commit);
  EXPECT_EQ(decode_address(encode(Address{{"wss://a", "ws://b"}}))->urls.size(), 2u);
}

TEST(GovernanceCodec, RefusesWhatBreaksItsRules) {
  SpaceDeclaration space;
  EXPECT_FALSE(decode_space(encode(space))) << "a space without a name";
  space.name = std::string(limits::kNameMax + 1, 'x');
  EXPECT_FALSE(decode_space(encode(space)));
  Admission admission;
  admission.role = static_cast<Role>(3);
  EXPECT_FALSE(decode_proposal(encode(Proposal{admission, {}}))) << "an unknown role";
  admission.role = Role::hub;
  admission.spaces.resize(65, Bytes{1});
  EXPECT_FALSE(decode_proposal(encode(Proposal{admission, {}}))) << "too many spaces";
  Genesis genesis;
  for (std::uint8_t i = 0; i < 22; ++i) genesis.charter.delegates.push_back(id_number<MemberId>(i));
  EXPECT_FALSE(decode_genesis(encode(genesis))) << "22 delegates";
  genesis.charter.delegates.clear();
  genesis.before.assign(limits::kRefoundingsMax + 1, id_number<FederationId>(1));
  EXPECT_FALSE(decode_genesis(encode(genesis))) << "too many before";
  EXPECT_FALSE(decode_address(encode(Address{std::vector<std::string>(9, "ws://a")})));
  for (const Bytes& bad : {Bytes{0xff}, Bytes{0x0a, 0x05, 'a'}}) {
    EXPECT_FALSE(decode_space(bad));
    EXPECT_FALSE(decode_genesis(bad));
    EXPECT_FALSE(decode_proposal(bad));
    EXPECT_FALSE(decode_vote(bad));
    EXPECT_FALSE(decode_address(bad));
  }
}

Tip tip(std::uint8_t n) { return {id_number<NodeId>(n), n, 1u + n, id_number<CommitId>(n)}; }

TEST(SyncCodec, RoundTrips) {
  const SpaceId space = id_number<SpaceId>(1);
  const Digest digest = id_number<Digest>(2);
  const Hello hello{1, "maillon", 42, {{space, digest, digest}, {space, digest, {}}}, {"ws://a"}};
  EXPECT_EQ(encode(*decode_hello(encode(hello))), encode(hello));
  const Tips tips{space, digest, {tip(1), tip(2)}};
  EXPECT_EQ(decode_tips(encode(tips))->tips, tips.tips);
  const Want want{space, tip(3), {tip(1)}};
  EXPECT_EQ(encode(*decode_want(encode(want))), encode(want));
  Commits commits;
  commits.commits.resize(2);
  commits.commits[0].header = {1, 2};
  commits.commits[1].header_delta = {3};
  EXPECT_EQ(encode(*decode_commits(encode(commits))), encode(commits));
  Frontier frontier;
  frontier.space = space;
  frontier.frontier = digest;
  frontier.received_bytes = 9;
  frontier.held = digest;
  frontier.announced = {tip(1).commit, tip(2).commit};
  EXPECT_EQ(encode(*decode_frontier(encode(frontier))), encode(frontier));
  EXPECT_EQ(decode_frontier(encode(frontier))->announced, frontier.announced);
  const Push push{space, true};
  EXPECT_EQ(decode_push(encode(push))->space, space);
  EXPECT_TRUE(decode_push(encode(push))->wanted);
  const JoinRequest join{{1}, "Coop", Role::hub, "28", /*recovered=*/true};
  EXPECT_EQ(encode(*decode_join_request(encode(join))), encode(join));
  EXPECT_TRUE(decode_join_request(encode(join))->recovered);
  const JoinReply reply{
      JoinStatus::pending, "wait", "Fédération", space, {"ab:1", 1, 3, {"Une"}, {"Deux", "Trois"}}};
  EXPECT_EQ(encode(*decode_join_reply(encode(reply))), encode(reply));
  EXPECT_EQ(decode_join_reply(encode(reply))->votes.missing, reply.votes.missing);
  const JoinReply replaced{JoinStatus::refused,          "root", "", space, {"ab:1", 0, 0, {"Une"}},
                           UnixMillis{1'700'000'000'000}};
  EXPECT_EQ(decode_join_reply(encode(replaced))->votes.voted, replaced.votes.voted);
  EXPECT_EQ(decode_join_reply(encode(replaced))->decided, replaced.decided);
}

TEST(SyncCodec, KindsAreTold) {
  EXPECT_EQ(*kind_of(encode(Tips{})), MessageKind::tips);
  EXPECT_FALSE(kind_of({}));
  EXPECT_FALSE(kind_of(Bytes{0}));
  EXPECT_FALSE(kind_of(Bytes{9}));
  EXPECT_FALSE(decode_hello(encode(Tips{}))) << "another message than was said";
}

TEST(SyncCodec, RefusesWhatBreaksItsRules) {
  Tips tips;
  tips.tips = {tip(1)};
  tips.tips[0].seq = 0;
  EXPECT_FALSE(decode_tips(encode(tips)));
  tips.tips.assign(limits::kTipsMax + 1, tip(1));
  EXPECT_FALSE(decode_tips(encode(tips)));
  Commits none;
  none.commits.resize(1);
  EXPECT_FALSE(decode_commits(encode(none))) << "neither header nor delta";
  none.commits[0].header = none.commits[0].header_delta = {1};
  EXPECT_FALSE(decode_commits(encode(none))) << "both";
  EXPECT_FALSE(decode_join_request(encode(JoinRequest{Bytes(65), "a", Role::hub, "28"})));
  EXPECT_FALSE(decode_join_request(encode(JoinRequest{{}, "a", static_cast<Role>(3), "28"})));
  EXPECT_FALSE(
      decode_join_reply(encode(JoinReply{static_cast<JoinStatus>(4), "", "", SpaceId::zero()})));
  JoinReply crowd{JoinStatus::pending, "", "", SpaceId::zero()};
  crowd.votes.voted.assign(limits::kJoinNamesMax + 1, "a");
  EXPECT_FALSE(decode_join_reply(encode(crowd)));
  crowd.votes.voted = {std::string(limits::kNameMax + 1, 'a')};
  EXPECT_FALSE(decode_join_reply(encode(crowd)));
  Frontier frontier;
  frontier.announced.assign(limits::kAnnouncedMax + 1, CommitId::zero());
  EXPECT_FALSE(decode_frontier(encode(frontier)));
  Hello hello;
  hello.urls.assign(9, "ws://a");
  EXPECT_FALSE(decode_hello(encode(hello)));
  EXPECT_FALSE(decode_hello(Bytes(limits::kFrameMax + 1, 1)));
}

// A frame of empty entries is refused before an object is made of each.
TEST(SyncCodec, ManyEmptyEntriesAreRefusedUnparsed) {
  for (const auto kind : {MessageKind::commits, MessageKind::tips, MessageKind::hello}) {
    Bytes frame{static_cast<std::uint8_t>(kind)};
    const std::uint8_t tag = kind == MessageKind::commits ? 0x0a
                             : kind == MessageKind::tips  ? 0x1a
                                                          : 0x22;
    while (frame.size() + 2 <= limits::kFrameMax) frame.insert(frame.end(), {tag, 0});
    EXPECT_FALSE(decode_commits(frame).has_value() || decode_tips(frame).has_value() ||
                 decode_hello(frame).has_value());
  }
}

}  // namespace
}  // namespace maillon
