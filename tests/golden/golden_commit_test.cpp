#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "crypto/keys.hpp"
#include "proto/value.hpp"
#include "storage/log/commit.hpp"
#include "storage/log/log.hpp"

/// The worked example of docs/protocol.md. Its values stand in commit-v1.txt, which changes only
/// together with the format's version, and are quoted in the document.
namespace maillon::test {
namespace {

using namespace storage;

template <class T>
T must(Result<T> result) {
  MAILLON_ASSERT(result.has_value(), result.error().detail);
  return *std::move(result);
}

/// Always the same byte.
class ConstantRng final : public Rng {
 public:
  explicit ConstantRng(std::uint8_t byte) : byte_(byte) {}
  void fill(std::span<std::uint8_t> out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

template <class Id>
Id filled(std::uint8_t byte) {
  std::array<std::uint8_t, Id::kSize> raw{};
  raw.fill(byte);
  return Id::from_array(raw);
}

crypto::SigningKey key_of(std::uint8_t byte) {
  ConstantRng rng{byte};
  return crypto::SigningKey{crypto::Secret32::random(rng)};
}

Bytes text_value(std::string_view text) { return Value::of_text(std::string{text}).encoded(); }

std::string whole_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Three ops: a row of a source, a correction of a field, a delete.
class Example {
 public:
  Example() : root_{key_of(0x01)}, node_{key_of(0x02)} {
    SpaceDeclaration declaration;
    declaration.federation = federation_;
    declaration.name = "catalogue/16";
    declaration.readers = {"all"};
    declaration.writers = {"all"};
    declaration_ = encode(declaration);
    Bytes in;
    for (const char c : std::string_view{"maillon/space/v1"}) in.push_back(static_cast<std::uint8_t>(c));
    in.insert(in.end(), declaration_.begin(), declaration_.end());
    space_ = *SpaceId::from_bytes(crypto::hash(in).bytes());
    add_row();
    add_correction();
    add_delete();
    seal();
  }

  [[nodiscard]] std::map<std::string, Bytes> values() const {
    const auto of = [](const auto& id) { return Bytes{id.bytes().begin(), id.bytes().end()}; };
    std::map<std::string, Bytes> out;
    out["member"] = of(root_.member_id());
    out["node"] = of(node_.node_id());
    out["certificate"] =
        crypto::NodeCertificate::make(root_, node_, 1'790'000'000'000).encode();
    out["declaration"] = declaration_;
    out["space"] = of(space_);
    out["derived_id"] = of(derived_record_id("lieux", "carte", "1"));
    ConstantRng rng{0x07};
    out["random_id"] = of(random_record_id(rng));
    out["owned_id"] = of(owned_record_id("lieux", root_.member_id(), "1"));
    out["header"] = commit_->bytes.header;
    out["signature"] = commit_->bytes.signature;
    out["body"] = commit_->body.raw;
    out["root"] = of(commit_->header.root);
    out["commit"] = of(commit_->id);
    const Tip tip{node_.node_id(), commit_->header.incarnation, 1, commit_->id};
    out["frontier"] = of(frontier_hash(std::span{&tip, 1}));
    const std::vector<LeafCut> cuts{{1, LeafState::bare}, {3, LeafState::gone}};
    out["cut_body"] = must(unpack_body(must(cut_body(commit_->bytes.body, 4, cuts))));
    return out;
  }
  [[nodiscard]] const CommitPtr& commit() const { return commit_; }

 private:
  void add_row() {
    const std::vector<Bytes> values{Value{Value::Kind::number, "45.68"}.encoded(),
                                    text_value("Médiathèque")};
    OpTable table;
    table.fields = {{"latitude", 1, {}, {}, values[0]}, {"nom", 1, {}, {}, values[1]}};
    Op op;
    op.kind = 1;
    op.collection = "lieux";
    op.id_form = IdForm::derived;
    op.id = derived_record_id("lieux", "carte", "1");
    op.source = "carte";
    op.external_id = "1";
    op.fields = {0, 2};
    draft_.add(table, op);
  }
  void add_correction() {
    const Bytes value = text_value("05 45 00 00 00");
    OpTable table;
    table.dots = {{draft_.index_of(before_), 2, 0, 0}};
    table.fields = {{"telephone", 1, {0, 1}, {}, value}};
    Op op;
    op.kind = 1;
    op.collection = "lieux";
    op.id = filled<RecordId>(0x08);
    op.fields = {0, 1};
    draft_.add(table, op);
  }
  void add_delete() {
    OpTable table;
    table.dots = {{draft_.index_of(before_), 3, 0, 0}};
    Op op;
    op.kind = 2;
    op.collection = "lieux";
    op.id = filled<RecordId>(0x09);
    op.replaced = {0, 1};
    draft_.add(table, op);
  }
  void seal() {
    Header header;
    header.federation = federation_;
    header.space = space_;
    header.member = root_.member_id();
    header.node = node_.node_id();
    header.incarnation = 0x1122334455667788;
    header.seq = 1;
    header.hlc = Hlc::at(UnixMillis{1'790'000'000'000}, 1);
    header.deps = {before_};
    header.annuaire_heads = {filled<CommitId>(0x06)};
    ConstantRng rng{0x05};
    commit_ = must(draft_.seal(header, 0, 0, node_, rng));
  }

  crypto::SigningKey root_;
  crypto::SigningKey node_;
  FederationId federation_ = filled<FederationId>(0x03);
  CommitId before_ = filled<CommitId>(0x04);
  Bytes declaration_;
  SpaceId space_ = SpaceId::zero();
  CommitDraft draft_;
  CommitPtr commit_;
};

TEST(Golden, TheWorkedExampleKeepsItsBytes) {
  std::map<std::string, std::string> pinned;
  std::ifstream in{MAILLON_TEST_DATA "/../golden/commit-v1.txt"};
  for (std::string name, hex; in >> name >> hex;) pinned[name] = hex;
  const Example example;
  for (const auto& [name, bytes] : example.values())
    EXPECT_EQ(to_hex(bytes), pinned[name]) << name;
}

TEST(Golden, TheDocumentQuotesTheWorkedExample) {
  std::string document = whole_file(MAILLON_TEST_DATA "/../../docs/protocol.md");
  std::erase_if(document, [](char c) { return c == ' ' || c == '\n'; });
  const Example example;
  for (const auto& [name, bytes] : example.values())
    EXPECT_NE(document.find(to_hex(bytes)), std::string::npos) << name << " " << to_hex(bytes);
}

TEST(Golden, TheWorkedExampleIsAccepted) {
  const Example example;
  const auto read = verify_commit(example.commit()->bytes);
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  EXPECT_EQ((*read)->id, example.commit()->id);
}

// Without payloads and leaves, the same commit.
TEST(Golden, TheCutExampleIsTheSameCommit) {
  const Example example;
  SignedCommit cut = example.commit()->bytes;
  cut.body = pack_body(example.values()["cut_body"]);
  const auto read = verify_commit(cut);
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  EXPECT_EQ((*read)->id, example.commit()->id);
  EXPECT_EQ((*read)->body.ops.ops[0].state, LeafState::bare);
  EXPECT_EQ((*read)->body.ops.ops[0].id, derived_record_id("lieux", "carte", "1"));
}

}  // namespace
}  // namespace maillon::test
