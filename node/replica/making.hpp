#pragma once

#include <filesystem>
#include <optional>

#include "proto/ids.hpp"
#include "proto/result.hpp"

/// How a data folder comes to be. Whatever is cut short, the next try finds a node, or goes on.
namespace maillon::replica {

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
