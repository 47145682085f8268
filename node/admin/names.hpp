#pragma once

#include "node/admin/words.hpp"

/// What people call members, federations, spaces and regions.
namespace maillon::admin {

enum class Naming { member, federation, space };

/// The name without blanks around it. Errc::usage for one that people could not tell apart, type or
/// read: blank, longer than 256 bytes, with characters that show nothing or turn the text around;
/// of a member, one that would pass for an id or a rule; of a space, of more than two parts, or with a part that
/// is one or two dots.
[[nodiscard]] Result<std::string> proper_name(std::string_view text, Naming what);
/// Errc::usage for what is no code of a region: up to 16 letters, digits and hyphens. None is one.
[[nodiscard]] Result<void> check_region(std::string_view code);

}  // namespace maillon::admin
