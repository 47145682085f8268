#include "storage/store/search_index.hpp"

#include <array>

namespace maillon::storage {
namespace {

/// le64: records up to this row are in the index that is being made anew.
constexpr std::string_view kRebuildKey = "index_rebuilt_to";

/// All shown texts of a record, as one text to search in.
Result<std::string> searchable(Store& store, ByteView state) {
  MAILLON_TRY(const auto record, merge::decode_state(state));
  std::string text;
  for (const auto& field : merge::show(record, store.records().context()).fields) {
    const auto value = field.value();
    if (!value || value->text().empty()) continue;
    text += value->text();
    text += '\n';
  }
  return text;
}

struct Waiting {
  std::int64_t id;
  Bytes state;
};

Result<void> collect(Statement& get, std::vector<Waiting>& out) {
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return {};
    const ByteView state = get.blob(1);
    out.push_back({get.integer(0), {state.begin(), state.end()}});
  }
}

/// Of the index that is being made anew, what comes next; moves on.
Result<std::vector<Waiting>> next_of_rebuild(Store& store, std::size_t max) {
  std::vector<Waiting> out;
  MAILLON_TRY(const auto raw, store.meta(kRebuildKey));
  if (!raw) return out;
  const auto after = static_cast<std::int64_t>(ByteReader{*raw}.le64());
  MAILLON_TRY(auto get, store.database().prepare("SELECT id, state FROM record WHERE id > ?1"
                                                 " AND doc IS NOT NULL ORDER BY id LIMIT ?2"));
  get.bind(1, after).bind(2, static_cast<std::int64_t>(max));
  MAILLON_CHECK(collect(get, out));
  if (out.empty()) {
    MAILLON_TRY(auto drop, store.database().prepare("DELETE FROM meta WHERE key = ?1"));
    MAILLON_CHECK(drop.bind(1, kRebuildKey).run());
    return out;
  }
  Bytes place;
  ByteWriter{place}.le64(static_cast<std::uint64_t>(out.back().id));
  MAILLON_CHECK(store.set_meta(kRebuildKey, place));
  return out;
}

}  // namespace

Result<void> rebuild_index(Store& store) {
  Database& db = store.database();
  MAILLON_CHECK(db.execute("DROP TABLE search;"
                           "CREATE VIRTUAL TABLE search USING fts5(text, content='',"
                           " tokenize=\"unicode61 remove_diacritics 2\")"));
  const std::array<std::uint8_t, 8> start{};
  return store.set_meta(kRebuildKey, start);
}

Result<std::size_t> index_waiting(Store& store, std::size_t max) {
  Database& db = store.database();
  MAILLON_TRY(auto waiting, next_of_rebuild(store, max));
  if (waiting.size() < max) {
    MAILLON_TRY(auto get, db.prepare("SELECT id, state FROM record WHERE doc IS NULL LIMIT ?1"));
    get.bind(1, static_cast<std::int64_t>(max - waiting.size()));
    MAILLON_CHECK(collect(get, waiting));
  }
  MAILLON_TRY(auto drop, db.prepare("DELETE FROM doc WHERE record = ?1"));
  MAILLON_TRY(auto put, db.prepare("INSERT INTO doc(record) VALUES(?1)"));
  MAILLON_TRY(auto index, db.prepare("INSERT INTO search(rowid, text) VALUES(?1, ?2)"));
  MAILLON_TRY(auto mark, db.prepare("UPDATE record SET doc = ?2 WHERE id = ?1"));
  for (const Waiting& record : waiting) {
    MAILLON_TRY(const std::string text, searchable(store, record.state));
    MAILLON_CHECK(drop.bind(1, record.id).run());
    std::int64_t doc = 0;
    if (!text.empty()) {
      MAILLON_CHECK(put.bind(1, record.id).run());
      doc = db.last_rowid();
      MAILLON_CHECK(index.bind(1, doc).bind(2, std::string_view{text}).run());
    }
    MAILLON_CHECK(mark.bind(1, record.id).bind(2, doc).run());
  }
  return waiting.size();
}

std::string search_query(std::string_view words) {
  std::string out;
  std::string word;
  const auto flush = [&](bool last) {
    if (word.empty()) return;
    if (!out.empty()) out += ' ';
    out += '"' + word + '"';
    if (last) out += '*';
    word.clear();
  };
  for (const char c : words) {
    if (c == ' ' || c == '\t' || c == '\n')
      flush(false);
    else if (c != '"')
      word += c;
  }
  flush(true);
  return out;
}

}  // namespace maillon::storage
