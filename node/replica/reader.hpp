#pragma once

#include "storage/store/search_index.hpp"

/// What people and programs ask of the records, over one read-only connection.
namespace maillon::replica {

/// A value, and the type as which it was written.
struct TypedValue {
  std::uint32_t tag = 0;
  Value value;
};

/// What is shown under one name. Where people wrote several types there, the last one.
struct FieldView {
  std::string name;
  std::uint32_t tag = 0;
  bool readable = true;  ///< false: of a type this version does not know, or erased
  Value value;
  std::vector<TypedValue> others;  ///< further live values, of this type or another: a conflict
  [[nodiscard]] std::vector<TypedValue> values() const;  ///< all of them, the shown one first
  [[nodiscard]] bool has_types() const;                  ///< more than one
};

struct RecordView {
  std::string collection;
  RecordId id = RecordId::zero();
  std::vector<FieldView> fields;
  bool visible = false;
  bool deleted = false;
  bool in_conflict = false;
  bool edit_won_over_delete = false;
  bool touched_by_void = false;

  [[nodiscard]] const FieldView* field(std::string_view name) const;
};

struct SpaceCounts {
  std::int64_t feeds = 0;
  std::int64_t commits = 0;
  std::int64_t records = 0;
  std::int64_t conflicts = 0;
  std::int64_t pending = 0;
  std::int64_t held = 0;
  std::int64_t aside = 0;  ///< and not published again
};

/// One field that one op wrote; a delete has no field.
struct HistoryEntry {
  CommitId commit = CommitId::zero();
  std::uint32_t leaf = 0;
  MemberId author = MemberId::zero();
  NodeId node = NodeId::zero();
  UnixMillis time{};
  bool removes = false;
  bool erased = false;  ///< what it wrote is gone; to which field is still known
  bool forgotten = false;  ///< likewise, since it was replaced and settled long ago
  std::uint64_t erased_elements = 0;  ///< of a set, list or text: how many of those that it brought
  std::string source;
  std::string field;
  std::uint32_t tag = 0;
  std::uint64_t added = 0;    ///< of a set, list or text: elements that it brought
  std::uint64_t removed = 0;  ///< elements that it took out
  std::uint64_t moved = 0;    ///< elements of a list that it put elsewhere
  bool readable = true;
  Value value;
  bool superseded = false;
  bool is_void = false;
};

struct Condition {
  std::string field;
  std::string value;  ///< compared with what display() shows
};

struct Found {
  std::vector<RecordView> records;
  std::int64_t total = 0;
};

/// Thread: one at a time.
class Reader {
 public:
  explicit Reader(storage::Database& db) : db_(db), log_(db), names_(db), records_(db, log_, names_) {}

  [[nodiscard]] Result<std::optional<RecordView>> get(const SpaceId& space,
                                                      std::string_view collection,
                                                      const RecordId& id);
  /// Takes a record id in hexadecimal, or an external id as some source of the collection wrote it.
  [[nodiscard]] Result<std::optional<RecordId>> identify(const SpaceId& space,
                                                         std::string_view collection,
                                                         std::string_view text);
  /// Visible records in order of id, until `each` says no.
  [[nodiscard]] Result<void> each(const SpaceId& space, std::string_view collection,
                                  const std::function<Result<bool>(RecordView&&)>& each_record);
  /// The same in the order in which they first came here: of an import, the order of the file.
  [[nodiscard]] Result<void> each_as_they_came(
      const SpaceId& space, std::string_view collection,
      const std::function<Result<bool>(RecordView&&)>& each_record);
  [[nodiscard]] Result<Found> find(const SpaceId& space, std::string_view collection,
                                   std::span<const Condition> where, std::string_view text,
                                   std::size_t limit);
  [[nodiscard]] Result<std::vector<RecordView>> conflicts(const SpaceId& space,
                                                          std::string_view collection);
  [[nodiscard]] Result<std::vector<HistoryEntry>> history(const SpaceId& space,
                                                          std::string_view collection,
                                                          const RecordId& id);
  [[nodiscard]] Result<std::vector<std::string>> collections(const SpaceId& space);
  /// Records that some source once listed and that are visible now.
  [[nodiscard]] Result<std::vector<RecordId>> of_source(const SpaceId& space,
                                                        std::string_view collection,
                                                        std::string_view source);
  /// Sources that ever listed a record of the collection, by name. Walks the collection.
  [[nodiscard]] Result<std::vector<std::string>> sources(const SpaceId& space,
                                                         std::string_view collection);
  [[nodiscard]] Result<SpaceCounts> counts(const SpaceId& space);
  [[nodiscard]] Result<Digest> digest(const SpaceId& space);
  [[nodiscard]] Result<Digest> frontier(const SpaceId& space);
  /// Records that wait for the full-text index.
  [[nodiscard]] Result<bool> index_is_behind();

  [[nodiscard]] storage::Log& log() noexcept { return log_; }
  [[nodiscard]] storage::Records& records() noexcept { return records_; }
  [[nodiscard]] storage::Names& names() noexcept { return names_; }
  [[nodiscard]] storage::Database& database() noexcept { return db_; }

 private:
  [[nodiscard]] Result<RecordView> view(std::string_view collection, const RecordId& id,
                                        ByteView state);
  [[nodiscard]] Result<void> walk(storage::Statement& get, std::string_view collection,
                                  const std::function<Result<bool>(RecordView&&)>& each_record);
  [[nodiscard]] Result<std::optional<std::int64_t>> collection_row(const SpaceId& space,
                                                                   std::string_view collection);
  storage::Database& db_;
  storage::Log log_;
  storage::Names names_;
  storage::Records records_;
};

}  // namespace maillon::replica
