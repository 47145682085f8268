#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "crypto/keys.hpp"
#include "storage/store/store.hpp"

/// Members, nodes and stores for tests, made from seeds so that a failure can be played again.
namespace maillon::test {

/// A fresh folder under the system's temporary one, removed at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// One member with one node and its store.
class TestNode {
 public:
  TestNode(std::string name, std::uint64_t seed, const storage::StoreOptions& options);

  [[nodiscard]] storage::Author author() const { return {member, incarnation, &node_key}; }
  [[nodiscard]] Bytes certificate() const;
  /// Founds a federation with one region, or joins that of `founder`, who votes.
  void found(const std::string& region, UnixMillis now);
  void join(TestNode& founder, UnixMillis now);

  /// Each in a transaction of its own; a failure ends the test process with its words. What the
  /// member may not write, or not yet, is not written.
  storage::Written write(std::string_view space, std::vector<storage::Change> changes, UnixMillis now);
  storage::Received receive(const storage::CommitPtr& commit, UnixMillis now);
  /// All commits of `other` that this node lacks, in the other's order.
  void pull(TestNode& other, UnixMillis now);
  [[nodiscard]] SpaceId space(std::string_view name) const;
  [[nodiscard]] Digest digest(std::string_view space_name);
  [[nodiscard]] Digest frontier(std::string_view space_name);
  [[nodiscard]] std::vector<storage::CommitPtr> commits(std::string_view space_name);
  /// The shown value of a field as text, or "-" when there is none.
  [[nodiscard]] std::string value(std::string_view space_name, std::string_view collection,
                                  const RecordId& id, std::string_view field);

  std::string name;
  crypto::SeededRng rng;
  crypto::SigningKey root_key;
  crypto::SigningKey node_key;
  MemberId member;
  std::uint64_t incarnation;
  storage::StoreOptions options;
  std::unique_ptr<storage::Store> store;
};

/// Ends the process with the error's words when there is one.
template <class T>
T must(Result<T> result) {
  if (result.has_error()) assertion_failed("result", "test", 0, result.error().detail);
  return *std::move(result);
}
inline void must(Result<void> result) {
  if (result.has_error()) assertion_failed("result", "test", 0, result.error().detail);
}

[[nodiscard]] storage::Change patch(std::string_view collection, const RecordId& id,
                                    std::vector<std::pair<std::string, Value>> fields);
[[nodiscard]] storage::Change imported(std::string_view collection, std::string_view source,
                                       std::string_view external,
                                       std::vector<std::pair<std::string, Value>> fields);
[[nodiscard]] storage::Change removal(std::string_view collection, const RecordId& id);

}  // namespace maillon::test
