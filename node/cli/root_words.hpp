#pragma once

#include "crypto/keys.hpp"
#include "node/cli/line.hpp"

namespace maillon::cli {

/// A member's root key, drawn now and forgotten soon: only its 24 words remain, with people.
/// `words_file`: writes them there (0600, never over a file) and asks nothing. Else shows them on
/// the terminal and asks three of them back. Errc::refused when nobody could have noted them.
[[nodiscard]] Result<crypto::Secret32> draw_root(const Line& line, const std::string& words_file,
                                                 Rng& rng);

}  // namespace maillon::cli
