#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "node/catalogue/table_reader.hpp"

namespace maillon::catalogue {

struct Read {
  std::vector<Row> rows;
  ReadSummary summary;
};

inline Result<Read> try_read(std::string_view text, const ReadOptions& options = {}) {
  Read out;
  MAILLON_TRY(out.summary, read_table(as_bytes(text), options, [&](Row&& row) {
                out.rows.push_back(std::move(row));
                return Result<void>{};
              }));
  return out;
}

inline Read read(std::string_view text, const ReadOptions& options = {}) {
  auto out = try_read(text, options);
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().detail);
  return out ? *std::move(out) : Read{};
}

inline Error read_error(std::string_view text, const ReadOptions& options = {}) {
  auto out = try_read(text, options);
  EXPECT_TRUE(out.has_error());
  return out.has_error() ? std::move(out).error() : Error{};
}

/// A value of a row as it displays, "" if absent.
inline std::string at(const Row& row, std::string_view field) {
  const auto found = std::ranges::find(row.fields, field, &Field::first);
  return found == row.fields.end() ? std::string{} : found->second.display();
}

inline Value::Kind kind_at(const Row& row, std::string_view field) {
  const auto found = std::ranges::find(row.fields, field, &Field::first);
  return found == row.fields.end() ? Value::Kind::null : found->second.kind();
}

inline std::string published(const std::string& name) {
  std::ifstream in{std::string{MAILLON_TEST_DATA} + "/lieux/" + name, std::ios::binary};
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace maillon::catalogue
