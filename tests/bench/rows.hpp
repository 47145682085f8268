#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "storage/store/store.hpp"

namespace maillon::bench {

/// A place of some 20 fields and 700 bytes as JSON, different for each number.
[[nodiscard]] std::vector<std::pair<std::string, Value>> row(std::uint64_t number);
[[nodiscard]] std::string json_of(const std::vector<std::pair<std::string, Value>>& fields);
[[nodiscard]] storage::Change change_of(std::uint64_t number);
/// Fields of it, as somebody types them.
[[nodiscard]] storage::Change typed(std::uint64_t number, std::vector<std::pair<std::string, Value>> fields);

[[nodiscard]] double seconds_now();
/// A field of /proc/<pid>/status in bytes: "VmRSS", "VmHWM".
[[nodiscard]] std::size_t memory(int pid, const std::string& field);

/// What the same machine does in the same run with the same rows and nothing of ours.
struct Limits {
  double raw_insert_s = 0;
  std::size_t raw_bytes = 0;
  double hash_s = 0;
  double zstd_s = 0;
  std::size_t zstd_bytes = 0;
  double round_trip_s = 0;
  double fdatasync_s = 0;  ///< after appending one page, the median
};
[[nodiscard]] Limits measure_limits(std::uint64_t records, const std::string& dir,
                                    const std::string& jsonl);

/// The other side of a link, in a process of its own; reads commands from stdin, see receiver.cpp.
int receive(const std::string& dir, const std::string& invitation);

}  // namespace maillon::bench
