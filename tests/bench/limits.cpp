#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "crypto/hash.hpp"
#include "tests/bench/rows.hpp"

namespace maillon::bench {
namespace {

double raw_insert(std::uint64_t records, const std::string& file) {
  // Rows and ids are made before the clock starts.
  std::vector<std::pair<RecordId, std::string>> rows;
  for (std::uint64_t i = 0; i < records; ++i) {
    const auto change = change_of(i);
    rows.emplace_back(change.id, json_of(change.fields));
  }
  sqlite3* db = nullptr;
  sqlite3_open(file.c_str(), &db);
  sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE t(id BLOB PRIMARY KEY, json TEXT)", nullptr, nullptr, nullptr);
  const double from = seconds_now();
  sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
  sqlite3_stmt* put = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?1, ?2)", -1, &put, nullptr);
  for (const auto& [id, json] : rows) {
    sqlite3_bind_blob(put, 1, id.bytes().data(), static_cast<int>(RecordId::kSize), SQLITE_STATIC);
    sqlite3_bind_text(put, 2, json.data(), static_cast<int>(json.size()), SQLITE_STATIC);
    sqlite3_step(put);
    sqlite3_reset(put);
  }
  sqlite3_finalize(put);
  sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  const double took = seconds_now() - from;
  sqlite3_close(db);
  return took;
}

/// One byte there and back over a TCP connection on loopback, the median of 2,000.
double round_trip() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where);
  listen(listener, 1);
  getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
  std::thread echo{[&] {
    const int peer = accept(listener, nullptr, nullptr);
    char byte = 0;
    while (read(peer, &byte, 1) == 1)
      if (write(peer, &byte, 1) != 1) break;
    close(peer);
  }};
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  connect(s, reinterpret_cast<sockaddr*>(&where), sizeof where);
  const int on = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::vector<double> all;
  char byte = 0;
  for (int i = 0; i < 2000; ++i) {
    const double from = seconds_now();
    if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1) break;
    all.push_back(seconds_now() - from);
  }
  close(s);
  echo.join();
  close(listener);
  std::ranges::sort(all);
  return all.empty() ? 0 : all[all.size() / 2];
}

double append_durably(const std::string& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::array<char, 4096> page{};
  std::vector<double> all;
  for (int i = 0; i < 200; ++i) {
    const double from = seconds_now();
    if (write(fd, page.data(), page.size()) < 0 || fdatasync(fd) != 0) break;
    all.push_back(seconds_now() - from);
  }
  close(fd);
  std::ranges::sort(all);
  return all.empty() ? 0 : all[all.size() / 2];
}

}  // namespace

Limits measure_limits(std::uint64_t records, const std::string& dir, const std::string& jsonl) {
  Limits out;
  const std::string file = dir + "/raw.db";
  out.raw_insert_s = raw_insert(records, file);
  out.raw_bytes = std::filesystem::file_size(file);
  double from = seconds_now();
  const Digest digest = crypto::hash(as_bytes(jsonl));
  out.hash_s = digest.is_zero() ? 0 : seconds_now() - from;
  std::vector<char> packed(ZSTD_compressBound(jsonl.size()));
  from = seconds_now();
  out.zstd_bytes = ZSTD_compress(packed.data(), packed.size(), jsonl.data(), jsonl.size(), 3);
  out.zstd_s = seconds_now() - from;
  out.round_trip_s = round_trip();
  out.fdatasync_s = append_durably(dir + "/appended");
  return out;
}

}  // namespace maillon::bench
