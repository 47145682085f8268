#pragma once

#include <functional>

#include "crypto/keys.hpp"
#include "node/cli/line.hpp"

namespace maillon::cli {

/// A member's root key, drawn now and forgotten soon: only its 24 words remain, with people.
/// `words_file`: writes them there (0600, never over a file) and asks nothing. Else shows them on
/// the terminal and asks three of them back. Errc::refused when nobody could have noted them.
/// `before_file` is called once it is drawn and nothing of it stands in a file.
using BeforeFile = std::function<Result<void>(const crypto::Secret32&)>;
[[nodiscard]] Result<crypto::Secret32> draw_root(const Line& line, const std::string& words_file,
                                                 Rng& rng, const BeforeFile& before_file);

/// The 24 words that people kept, in one line: from `words_file`, else asked for on the terminal without
/// showing them. Wipe them after use.
[[nodiscard]] Result<std::string> read_words(const Line& line, const std::string& words_file);

}  // namespace maillon::cli
