#pragma once

#include "node/cli/line.hpp"

namespace maillon::cli {

/// What makes a folder: of init, and of join where there is none yet.
struct NewNode {
  std::string name;
  std::string region;
  std::string role;  ///< "cooperative" or "hub"
  std::string words_file;
  std::string passphrase_file;
  bool recover = false;  ///< of an existing member: the words are read, not drawn
};
/// Adds --words-file and --passphrase-file.
void add_key_options(Command command, Line& line, NewNode& node);

[[nodiscard]] Result<replica::Identity> make_folder(const Line& line, const NewNode& node);

/// Before joining by a code of a federation that continues this folder's: sets the folder's data
/// aside and makes it anew, to bring along what its member wrote. False when people say no.
[[nodiscard]] Result<bool> move_along(Line& line, const federation::Invitation& invitation,
                                      const std::string& code);
/// What a code says, and what joining by it means; to be shown before it is done.
[[nodiscard]] std::string invitation_in_words(const Line& line,
                                              const federation::Invitation& invitation);

}  // namespace maillon::cli
