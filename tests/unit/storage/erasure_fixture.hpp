#pragma once

#include <gtest/gtest.h>

#include "storage/sqlite/memory_vfs.hpp"
#include "storage/store/erase.hpp"
#include "storage/store/search_index.hpp"
#include "tests/support/world.hpp"

/// Members that erase, and what their disks still hold.
namespace maillon::test {

using namespace storage;
using namespace std::chrono_literals;

inline constexpr std::string_view kPhone = "0545987654";
inline constexpr std::string_view kMail = "jeanne@exemple.fr";
inline const RecordId kRecord = record_number(0);

inline Change row(std::string_view phone) {
  std::vector<std::pair<std::string, Value>> fields;
  for (int i = 0; i < 18; ++i)
    fields.emplace_back("champ" + std::to_string(i), Value::of_text("valeur " + std::to_string(i)));
  fields.emplace_back("courriel", Value::of_text(std::string{kMail}));
  fields.emplace_back("tel", Value::of_text(std::string{phone}));
  return imported("lieux", "carte", "7", std::move(fields));
}
inline const RecordId kRow = derived_record_id("lieux", "carte", "7");

class Erasures : public testing::Test {
 protected:
  ErasureOutcome erase(Peer& peer, ErasureWish wish) {
    now += 1s;
    TestNode& node = *peer.node;
    wish.collection = "lieux";
    must(node.store->begin());
    auto out = must(node.store->erase(node.space(kCatalogue), std::span{&wish, 1}, node.author(), now, node.rng));
    must(node.store->commit());
    return out;
  }
  void write(Peer& peer, Change change) {
    now += 1s;
    peer.node->write(kCatalogue, {std::move(change)}, now);
  }
  void write_text(Peer& peer, const std::string& text) {
    Change change = patch("lieux", kRecord, {});
    change.edits.push_back({"notes", FieldTag::text, FieldEdit::How::set, {Value::of_text(text)}});
    write(peer, std::move(change));
  }
  void say(Peer& peer, const CommitId& erasure, bool lift) {
    now += 1s;
    TestNode& node = *peer.node;
    const std::vector<GovernanceOp> ops{{OpKind::erasure_word, encode(ErasureWord{erasure, lift})}};
    must(node.store->begin());
    must(node.store->write_governance(ops, node.author(), now, node.rng));
    must(node.store->commit());
  }
  void meet() {
    for (const std::string_view space : {kAnnuaire, kCatalogue}) {
      a.pull(b, now, SIZE_MAX, space);
      b.pull(a, now, SIZE_MAX, space);
    }
    ASSERT_EQ(a.text(), b.text());
    ASSERT_TRUE(a.verify().has_value());
    ASSERT_TRUE(b.verify().has_value());
  }
  static std::string value(Peer& peer, const RecordId& id, std::string_view field) {
    return peer.node->value(kCatalogue, "lieux", id, field);
  }

  /// Whether the words are in any payload, or in any byte of the disk once the index is made anew.
  static bool holds(Peer& peer, std::string_view words) {
    TestNode& node = *peer.node;
    const auto in = [&](ByteView bytes) {
      return as_text(bytes).find(words) != std::string_view::npos;
    };
    for (const CommitPtr& commit : node.commits(kCatalogue))
      if (in(commit->body.raw)) return true;
    must(node.store->begin());
    must(rebuild_index(*node.store));
    while (must(index_waiting(*node.store, 100)) > 0) {
    }
    must(node.store->commit());
    must(node.store->database().execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    for (const auto& [name, bytes] : peer.disk->current())
      if (in(ByteView{bytes})) return true;
    return false;
  }

  Peer a{0};  ///< the founder, the only delegate
  Peer b{1};
  Peer c{3};
  UnixMillis now = kEpoch;
};

/// What somebody else asked for, and nobody has decided on.
class AskedByOthers : public Erasures {
 protected:
  AskedByOthers() {
    write(b, patch("lieux", kRecord, {{"nom", Value::of_text("Mairie")},
                                      {"courriel", Value::of_text(std::string{kMail})},
                                      {"tel", Value::of_text(std::string{kPhone})}}));
    meet_all();
  }
  void meet_all() {
    for (int round = 0; round < 2; ++round)
      for (Peer* peer : {&a, &b, &c})
        for (Peer* other : {&a, &b, &c})
          for (const std::string_view space : {kAnnuaire, kCatalogue})
            peer->pull(*other, now, SIZE_MAX, space);
    EXPECT_EQ(a.text(), b.text());
    EXPECT_EQ(a.text(), c.text());
    for (Peer* peer : {&a, &b, &c}) EXPECT_TRUE(peer->verify().has_value());
  }
  void complete(Peer& peer) {
    TestNode& node = *peer.node;
    must(node.store->begin());
    (void)must(node.store->complete_erasures(node.author(), now += 1s, node.rng));
    must(node.store->commit());
  }
  CommitId ask(std::vector<std::string> fields) {
    const auto done = erase(c, {"", kRecord, std::move(fields)});
    meet_all();
    return done.commits[0]->id;
  }
};

}  // namespace maillon::test
