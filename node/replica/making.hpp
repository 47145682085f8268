#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "proto/ids.hpp"
#include "proto/result.hpp"

/// How a data folder comes to be. Whatever is cut short, the next try finds a node, or goes on.
namespace maillon::replica {

/// What a folder is made of, under other names until all of it is there.
struct HalfMade {
  std::filesystem::path database;
  std::filesystem::path key;
};
/// If it is not there; for its owner alone.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& dir);
/// What a try that was cut short left, and nothing stands on, is gone afterwards.
[[nodiscard]] HalfMade begin_making(const std::filesystem::path& dir);
/// Both files take their names, durably, the key first: beside a key that has its name, the database
/// is whole. With the database closed.
[[nodiscard]] Result<void> end_making(const std::filesystem::path& dir);
/// Whether nothing is in the folder but what begin_making() takes away, or there is none.
[[nodiscard]] bool may_be_made(const std::filesystem::path& dir);
/// A point at which tests end the process.
void killed_at(std::string_view point);

/// Whether a node is there. One that was cut short when all of it was made is put in place.
[[nodiscard]] Result<bool> has_node(const std::filesystem::path& dir);

/// Before the words of a fresh root key are written anywhere: notes in the folder, which is made if
/// need be, whose they are. A try that goes on may take these words, and no others, for its own.
[[nodiscard]] Result<void> note_member(const std::filesystem::path& dir, const MemberId& member);
/// Whom a try that was cut short had noted.
[[nodiscard]] std::optional<MemberId> noted_member(const std::filesystem::path& dir);
/// After a try that failed: nothing of it stays, nor the folder if it holds nothing else.
void forget_making(const std::filesystem::path& dir);

}  // namespace maillon::replica
