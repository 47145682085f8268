#pragma once

#include <array>
#include <string_view>

/// The word lists of BIP-39, in order of their numbers; UTF-8, accents composed.
namespace maillon::crypto {

extern const std::array<std::string_view, 2048> kEnglishWords;
extern const std::array<std::string_view, 2048> kFrenchWords;

}  // namespace maillon::crypto
