#include <gtest/gtest.h>
#include <sqlite3.h>

#include "storage/store/search_index.hpp"
#include "tests/support/world.hpp"

/// What a change costs may not grow with what is stored: no statement of the daily path walks a table
/// that grows.
namespace maillon::test {
namespace {

using namespace storage;
using namespace std::chrono_literals;

/// SQL that the connection holds prepared.
std::vector<std::string> statements_of(Database& db) {
  std::vector<std::string> out;
  for (sqlite3_stmt* at = sqlite3_next_stmt(db.raw(), nullptr); at != nullptr;
       at = sqlite3_next_stmt(db.raw(), at))
    out.emplace_back(sqlite3_sql(at));
  return out;
}

std::string plan_of(Database& db, const std::string& sql) {
  sqlite3_stmt* explain = nullptr;
  sqlite3_prepare_v2(db.raw(), ("EXPLAIN QUERY PLAN " + sql).c_str(), -1, &explain, nullptr);
  std::string out;
  while (sqlite3_step(explain) == SQLITE_ROW)
    out += std::string{reinterpret_cast<const char*>(sqlite3_column_text(explain, 3))} + "; ";
  sqlite3_finalize(explain);
  return out;
}

TEST(QueryPlans, NothingOnTheDailyPathWalksWhatGrows) {
  Peer author{0};
  Peer reader{1};
  HandOp op;
  op.record = record_number(1);
  op.field = "nom";
  op.value = "\x04un";
  const auto first = sign_by_hand(author, {op}, {}, kEpoch);
  const auto second = sign_by_hand(author, {op}, {}, kEpoch + 1s);
  (void)reader.node->receive(second, kEpoch + 1s);  // Waits for the first.
  (void)reader.node->receive(first, kEpoch + 1s);
  Store& store = *reader.node->store;
  Log& log = store.log();
  const auto space = must(log.space_row(reader.node->space(kCatalogue)));
  (void)must(log.tips(space));
  (void)must(log.heads(space));
  (void)must(store.release_held(kEpoch));
  (void)must(store.prune(reader.node->space(kCatalogue), 0, 1, false));
  ASSERT_TRUE(log.scan(space, 0, [](const LogEntry&) -> Result<bool> { return true; }).has_value());
  std::size_t seen = 0;
  for (const std::string& sql : statements_of(store.database())) {
    const std::string plan = plan_of(store.database(), sql);
    for (const char* grows : {"SCAN l", "SCAN record", "SCAN r ", "SCAN pending", "SCAN doc"})
      EXPECT_EQ(plan.find(grows), std::string::npos) << sql << "\n" << plan;
    // What takes some at a time does not sort all that is left for it.
    if (sql.find(" LIMIT ") != std::string::npos) {
      EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << sql << "\n" << plan;
    }
    // Tips and heads are few, the log is not: it is asked for theirs, never walked.
    if (sql.find("FROM tip t") != std::string::npos) {
      EXPECT_EQ(plan.rfind("SEARCH t ", 0), 0u) << plan;
    }
    ++seen;
  }
  EXPECT_GT(seen, 20u);
}

}  // namespace
}  // namespace maillon::test
