#include "node/bundle/bundle.hpp"

#include <set>

#include "tests/fuzz/made.hpp"
#include "tests/fuzz/target.hpp"

/// Bundles: files as they come, and those that hold the commits of a federation in any order.
namespace maillon::fuzz {
namespace {

using namespace storage;

constexpr std::string_view kMagic = "maillon-bundle/1\n";

Bytes bundle_of(const FederationId& federation, const std::vector<Bytes>& messages) {
  Bytes out;
  ByteWriter w{out};
  w.raw(as_bytes(kMagic));
  w.raw(federation.bytes());
  for (const Bytes& message : messages) w.sized(message);
  w.u8(0);
  w.raw(crypto::hash(out).bytes());
  return out;
}

void read_any(ByteView content) {
  Bytes file = copied(content);
  const Digest hash = crypto::hash(file);
  file.insert(file.end(), hash.bytes().begin(), hash.bytes().end());
  const auto parts = bundle::take_apart(file);
  if (parts.has_error()) return;
  std::vector<Bytes> messages;
  for (const ByteView message : parts->messages) messages.push_back(copied(message));
  MAILLON_ASSERT(bundle_of(parts->federation, messages) == file, "a bundle has one form");
  for (const Bytes& message : messages) {
    (void)decode_tips(message);
    if (const auto commits = decode_commits(message))
      for (const WireCommit& one : commits->commits)
        (void)verify_commit({one.header, one.signature, one.body});
  }
}

/// Takes in what a bundle holds, as bundle::read does.
std::unique_ptr<Store> take_in(const bundle::Parts& parts) {
  StoreOptions options;
  options.path = ":memory:";
  auto store = Store::open(options);
  MAILLON_ASSERT(store.has_value(), store.error().detail);
  MAILLON_ASSERT((*store)->begin().has_value(), "a transaction begins");
  MAILLON_ASSERT((*store)->set_federation(parts.federation).has_value(),
                 "a store has a federation");
  for (const ByteView message : parts.messages) {
    const auto commits = decode_commits(message);
    MAILLON_ASSERT(commits.has_value(), "what was written can be read");
    for (const WireCommit& one : commits->commits) {
      auto commit = verify_commit({one.header, one.signature, one.body});
      if (commit.has_error()) continue;
      const auto got = (*store)->receive(*commit, made().now);
      MAILLON_ASSERT(got.has_value(), got.error().detail);
    }
  }
  MAILLON_ASSERT((*store)->commit().has_value(), "a transaction ends");
  return *std::move(store);
}

Digest shown_by(Store& store) {
  crypto::Hasher hasher;
  const auto trust = store.trust();
  if (trust == nullptr) return hasher.finish();
  std::set<SpaceId> spaces;
  for (const CommitPtr& commit : made().commits) spaces.insert(commit->header.space);
  for (const SpaceId& space : spaces) {
    const auto row = store.log().find_space(space);
    MAILLON_ASSERT(row.has_value(), row.error().detail);
    if (!*row) continue;
    hasher.update(store.log().frontier(**row)->bytes());
    hasher.update(store.records().digest(**row)->bytes());
  }
  return hasher.finish();
}

/// Some commits of a federation, in any order, some of them twice or damaged; then the same the
/// other way round.
void any_order(Choices& in) {
  const auto& all = made().commits;
  std::vector<Bytes> messages;
  for (int i = 0; i < 32 && !in.empty(); ++i) {
    Commits message;
    for (std::size_t n = 1 + in.below(8); n > 0; --n) {
      const SignedCommit& bytes = all[in.below(all.size())]->bytes;
      WireCommit wire{bytes.header, {}, bytes.signature, bytes.body, 0};
      if (in.rarely(16) && !wire.body.empty()) wire.body[in.below(wire.body.size())] ^= in.u8();
      if (in.rarely(32)) wire.header[in.below(wire.header.size())] ^= in.u8();
      message.commits.push_back(std::move(wire));
    }
    messages.push_back(encode(message));
  }
  const FederationId federation = made().federation;
  const Bytes file = bundle_of(federation, messages);
  std::ranges::reverse(messages);
  const Bytes reversed = bundle_of(federation, messages);
  std::vector<Digest> shown;
  for (const Bytes* one : {&file, &reversed}) {
    const auto parts = bundle::take_apart(*one);
    MAILLON_ASSERT(parts.has_value(), parts.error().detail);
    const auto store = take_in(*parts);
    shown.push_back(shown_by(*store));
  }
  MAILLON_ASSERT(shown[0] == shown[1], "a store shows the same, in whichever order commits came");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(bundle) {
  using namespace maillon::fuzz;
  Choices in{input};
  if (in.below(4) == 0) return any_order(in);
  read_any(in.rest());
}
