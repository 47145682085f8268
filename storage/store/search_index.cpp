#include "storage/store/search_index.hpp"

namespace maillon::storage {
namespace {

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

}  // namespace

Result<std::size_t> index_waiting(Store& store, std::size_t max) {
  Database& db = store.database();
  struct Waiting {
    std::int64_t id;
    Bytes state;
  };
  std::vector<Waiting> waiting;
  {
    MAILLON_TRY(auto get, db.prepare("SELECT id, state FROM record WHERE doc IS NULL LIMIT ?1"));
    get.bind(1, static_cast<std::int64_t>(max));
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      const ByteView state = get.blob(1);
      waiting.push_back({get.integer(0), {state.begin(), state.end()}});
    }
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
