#include "storage/sqlite/database.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "storage/sqlite/memory_vfs.hpp"
#include "tests/support/world.hpp"

namespace maillon::test {
namespace {

using namespace storage;

constexpr const char* kPath = "file.db";

class File : public testing::Test {
 protected:
  [[nodiscard]] DatabaseOptions options() const {
    DatabaseOptions out;
    out.create = true;
    out.vfs = disk.name();
    out.exclusive = true;
    return out;
  }
  [[nodiscard]] StoreOptions store_options() const { return {kPath, 256, disk.name(), true}; }
  Errc refusal() {
    const DiskImage before = disk.current();
    const auto store = Store::open(store_options());
    EXPECT_TRUE(store.has_error());
    EXPECT_EQ(disk.current(), before) << "a refused file was written to";
    return store.has_error() ? store.error().code : Errc::usage;
  }
  /// As another program, or a later version of this one, might leave the file.
  void run_sql(const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open_v2(kPath, &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, disk.name()),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, "PRAGMA locking_mode=EXCLUSIVE", nullptr, nullptr, nullptr),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
  }
  MemoryVfs disk{"database-test"};
};

TEST_F(File, OfALaterVersionIsRefusedUntouched) {
  must(Store::open(store_options())).reset();
  run_sql("PRAGMA user_version=999");
  EXPECT_EQ(refusal(), Errc::newer_version);
}

TEST_F(File, OfAnotherApplicationIsRefusedUntouched) {
  run_sql("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
  EXPECT_EQ(refusal(), Errc::malformed);
  disk.load({});
  run_sql("PRAGMA application_id=12345; CREATE TABLE theirs(x)");
  EXPECT_EQ(refusal(), Errc::malformed);
  disk.load({});
  run_sql("PRAGMA application_id=12345; PRAGMA user_version=3");
  EXPECT_EQ(refusal(), Errc::malformed) << "theirs, though still empty";
}

TEST_F(File, OfGarbageIsRefusedUntouched) {
  crypto::SeededRng rng{1};
  Bytes garbage(10000);
  rng.fill(garbage);
  disk.load({{kPath, garbage}});
  EXPECT_EQ(refusal(), Errc::integrity);
  // Cut in the middle of a page.
  disk.load({});
  must(Store::open(store_options())).reset();
  DiskImage cut = disk.current();
  cut.at(kPath).resize(cut.at(kPath).size() / 2 + 100);
  disk.load(cut);
  const auto store = Store::open(store_options());
  EXPECT_TRUE(store.has_error() || !(*store)->database().integer("SELECT count(*) FROM log"));
}

TEST_F(File, IsMigratedOnceAndThenLeftAlone) {
  {
    auto db = must(Database::open(kPath, options()));
    must(migrate(db));
    EXPECT_EQ(must(db.integer("PRAGMA user_version")), newest_schema());
    EXPECT_EQ(must(db.integer("PRAGMA application_id")), 0x4d61696c);
  }
  const DiskImage before = disk.current();
  must(Store::open(store_options())).reset();
  EXPECT_EQ(disk.current(), before);
}

TEST_F(File, OfAnEarlierSchemaLosesTheRecordsOfAnnuaireAlone) {
  {
    auto db = must(Database::open(kPath, options()));
    must(migrate(db));
    must(db.execute("DROP TABLE erasure_copy; DROP TABLE erased_again; PRAGMA user_version=3;"
                    "INSERT INTO space VALUES(1, zeroblob(32)), (2, randomblob(32));"
                    "INSERT INTO feed VALUES(1, 1, zeroblob(32), zeroblob(8), zeroblob(32));"
                    "INSERT INTO log VALUES(1, zeroblob(32), 1, 1, zeroblob(8), 0, 0, x'', zeroblob(64), x'');"
                    "INSERT INTO meta VALUES('federation', zeroblob(32));"
                    "INSERT INTO collection VALUES(1, 1, 'lieux'), (2, 2, 'lieux');"
                    "INSERT INTO record VALUES(1, 1, zeroblob(16), 1, NULL, 1, x''),"
                    " (2, 2, zeroblob(16), 1, NULL, 2, x'');"
                    "INSERT INTO doc VALUES(1, 1), (2, 2)"));
  }
  auto db = must(Database::open(kPath, options()));
  must(migrate(db));
  for (const char* left : {"SELECT sum(id) FROM record", "SELECT sum(id) FROM collection",
                           "SELECT sum(id) FROM doc"})
    EXPECT_EQ(must(db.integer(left)), 2) << left;
}

TEST_F(File, DemandsDurabilityAndReferences) {
  auto db = must(Database::open(kPath, options()));
  EXPECT_GE(must(db.integer("PRAGMA synchronous")), 2) << "FULL or more";
  EXPECT_EQ(must(db.integer("PRAGMA foreign_keys")), 1);
  EXPECT_NE(must(db.integer("PRAGMA secure_delete")), 0);
  must(migrate(db));
  const auto orphan = db.execute("INSERT INTO head(log, space) VALUES(77, 77)");
  EXPECT_TRUE(orphan.has_error());
}

TEST_F(File, StatementsKeepEmptyBlobsApartFromNull) {
  auto db = must(Database::open(kPath, options()));
  must(db.execute("CREATE TABLE t(a BLOB, b TEXT, c INTEGER) STRICT"));
  {
    auto put = must(db.prepare("INSERT INTO t VALUES(?1, ?2, ?3)"));
    must(put.bind(1, ByteView{}).bind(2, std::string_view{}).bind_null(3).run());
    EXPECT_EQ(db.changes(), 1);
  }
  auto get = must(db.prepare("SELECT a, b, c FROM t"));
  ASSERT_TRUE(must(get.step()));
  EXPECT_FALSE(get.is_null(0));
  EXPECT_FALSE(get.is_null(1));
  EXPECT_TRUE(get.is_null(2));
  EXPECT_TRUE(get.blob(0).empty());
  EXPECT_FALSE(must(get.step()));
}

TEST_F(File, MistakesWithStatementsAreErrors) {
  auto db = must(Database::open(kPath, options()));
  EXPECT_TRUE(db.prepare("SELECT nonsense FROM nowhere").has_error());
  static constexpr const char* kSql = "SELECT 1 UNION SELECT 2";
  auto first = must(db.prepare(kSql));
  ASSERT_TRUE(must(first.step()));
  EXPECT_TRUE(db.prepare(kSql).has_error()) << "borrowed twice";
  auto bound = must(db.prepare("SELECT ?1"));
  bound.bind(2, std::int64_t{1});
  EXPECT_TRUE(bound.step().has_error()) << "no second parameter";
}

TEST_F(File, ATransactionNotCommittedIsUndone) {
  auto db = must(Database::open(kPath, options()));
  must(db.execute("CREATE TABLE t(a)"));
  {
    auto tx = must(Transaction::begin(db));
    must(db.execute("INSERT INTO t VALUES(1)"));
    EXPECT_TRUE(db.in_transaction());
  }
  EXPECT_FALSE(db.in_transaction());
  EXPECT_EQ(must(db.integer("SELECT count(*) FROM t")), 0);
  auto tx = must(Transaction::begin(db));
  must(db.execute("INSERT INTO t VALUES(1)"));
  must(tx.commit());
  EXPECT_EQ(must(db.integer("SELECT count(*) FROM t")), 1);
  EXPECT_TRUE(Transaction::begin(db).has_value());
}

TEST_F(File, ErrorsSayWhatKindTheyAre) {
  auto db = must(Database::open(kPath, options()));
  must(db.execute("CREATE TABLE t(a)"));
  disk.limit_file_size(100);
  const auto full = db.execute("INSERT INTO t VALUES(zeroblob(100000))");
  ASSERT_TRUE(full.has_error());
  EXPECT_EQ(full.error().code, Errc::full);
  EXPECT_FALSE(full.error().fr.empty());
  disk.limit_file_size({});
  EXPECT_EQ(db.execute("nonsense").error().code, Errc::io);
}

TEST(RealFile, OfAnotherApplicationIsRefusedUntouched) {
  const TempDir dir;
  const auto path = dir / "theirs.db";
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "CREATE TABLE theirs(x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  const auto read = [&] {
    std::ifstream in{path, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  };
  const std::string before = read();
  const auto store = Store::open({path});
  ASSERT_TRUE(store.has_error());
  EXPECT_EQ(store.error().code, Errc::malformed);
  EXPECT_EQ(read(), before);
  EXPECT_FALSE(Store::open({dir.path()}).has_value()) << "a folder is no file";
}

}  // namespace
}  // namespace maillon::test
