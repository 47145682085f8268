#include "node/peers/peer_service.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "node/federation/decisions.hpp"
#include "tests/support/federation.hpp"

namespace maillon::test {
namespace {

using namespace std::chrono_literals;
using peers::PeerService;
using replica::Replica;

constexpr auto kWait = 20s;

/// A node in a folder of its own, as `init` makes it.
struct LiveNode {
  LiveNode(const TempDir& dir, std::string name, Role role = Role::cooperative) {
    must(Replica::init(dir / name, {name, role, "28", std::nullopt}, root, random));
    replica = must(Replica::open(dir / name, std::nullopt));
  }
  void serve() { service = must(PeerService::start(*replica, {"127.0.0.1:0", {}, {}, {}, true})); }
  SpaceId space(std::string_view name) const { return replica->trust()->space_named(name)->id; }
  Digest digest(std::string_view name) {
    return must(replica->read<Digest>(
        [&](replica::Reader& reader) { return reader.digest(space(name)); }));
  }
  storage::Written write(std::string_view where, std::vector<storage::Change> changes) {
    return must(replica->write<storage::Written>([&](storage::Store& store) {
      return store.write(space(where), changes, replica->author(), replica->clock().now(),
                         replica->rng());
    }));
  }
  crypto::SystemRng random;
  crypto::SigningKey root{crypto::Secret32::random(random)};
  std::unique_ptr<Replica> replica;
  std::unique_ptr<PeerService> service;
};

class LivePair : public testing::Test {
 protected:
  LivePair() : a{dir, "a"}, b{dir, "b"} {
    must(federation::create(*a.replica, {"Essai", "1"}));
    a.serve();
    invitation = must(federation::invite(*a.replica, {}));
    b.service = must(PeerService::start(*b.replica, {}));
  }
  TempDir dir;
  LiveNode a;
  LiveNode b;
  federation::Invitation invitation;
};

TEST_F(LivePair, JoinsThenBothAgree) {
  const auto reply = must(b.service->join(invitation, kWait));
  EXPECT_EQ(reply.status, JoinStatus::admitted);
  std::vector<storage::Change> changes;
  for (int i = 0; i < 500; ++i)
    changes.push_back(imported("lieux", "carte", std::to_string(i),
                               {{"nom", Value::of_text("Lieu " + std::to_string(i))}}));
  a.write("catalogue/28", changes);
  EXPECT_TRUE(b.service->sync(kWait).converged);
  EXPECT_EQ(a.digest("catalogue/28"), b.digest("catalogue/28"));
  EXPECT_NE(a.digest("catalogue/28"), a.digest("formation"));
  b.write("catalogue/28", {patch("lieux", changes[3].id, {{"nom", Value::of_text("Autre")}})});
  EXPECT_TRUE(a.service->sync(kWait).converged);
  EXPECT_EQ(a.digest("catalogue/28"), b.digest("catalogue/28"));
}

TEST_F(LivePair, AUsedInvitationIsRefusedInWords) {
  must(b.service->join(invitation, kWait));
  LiveNode c{dir, "c"};
  c.service = must(PeerService::start(*c.replica, {}));
  const auto reply = must(c.service->join(invitation, kWait));
  EXPECT_EQ(reply.status, JoinStatus::refused);
  EXPECT_EQ(reply.reason, "used");
}

// A thief has the node's key and asks like a recovered machine, whose root key vouches for it.
TEST_F(LivePair, ANodeWhoseKeyWasTakenBackDoesNotJoinAgain) {
  must(b.service->join(invitation, kWait));
  const auto fresh = must(federation::invite(*a.replica, {}));
  const JoinRequest request{fresh.token, "b", Role::cooperative, "28"};
  const Bytes certificate = b.replica->identity().certificate;
  EXPECT_EQ(must(federation::admit(*a.replica, request, certificate)).status, JoinStatus::admitted);
  must(federation::revoke(*b.replica, b.replica->identity().node, b.root));
  while (a.replica->trust()->member_of(b.replica->identity().node) != nullptr)
    (void)a.service->sync(10ms);
  const auto reply = must(federation::admit(*a.replica, request, certificate));
  EXPECT_EQ(reply.status, JoinStatus::refused);
  EXPECT_EQ(reply.reason, "revoked");
}

// Whatever was written meanwhile was written under the one key or the other, never under neither.
TEST_F(LivePair, WritesThatRaceWithAChangeOfTheKeyAllCount) {
  constexpr int kWriters = 4;
  constexpr int kEach = 40;
  must(b.service->join(invitation, kWait));
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.emplace_back([this, w] {
      for (int i = 0; i < kEach; ++i)
        b.write("catalogue/28", {imported("lieux", "s", std::to_string(w * kEach + i),
                                          {{"nom", Value::of_text("x")}})});
    });
  const NodeId before = b.replica->identity().node;
  for (int i = 0; i < 3; ++i) {
    must(federation::rotate(*b.replica, b.root, std::nullopt));
    must(b.service->key_changed());
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_NE(b.replica->identity().node, before);
  EXPECT_TRUE(b.service->sync(kWait).converged);
  EXPECT_EQ(a.digest("catalogue/28"), b.digest("catalogue/28"));
  for (LiveNode* node : {&a, &b}) {
    const auto count = [&](const char* sql) {
      return must(node->replica->read<std::int64_t>(
          [&](replica::Reader& reader) { return reader.database().integer(sql); }));
    };
    EXPECT_EQ(count("SELECT count(*) FROM record WHERE flags & 1"), kWriters * kEach);
    EXPECT_EQ(count("SELECT count(*) FROM log WHERE void"), 0);
  }
}

TEST_F(LivePair, ReconnectsAfterARestart) {
  must(b.service->join(invitation, kWait));
  b.service.reset();
  a.write("catalogue/28", {imported("lieux", "s", "1", {{"nom", Value::of_text("x")}})});
  b.service = must(PeerService::start(*b.replica, {}));
  EXPECT_TRUE(b.service->sync(kWait).converged);
  EXPECT_EQ(a.digest("catalogue/28"), b.digest("catalogue/28"));
}

}  // namespace
}  // namespace maillon::test
