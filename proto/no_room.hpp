#pragma once

#include <cerrno>

namespace maillon {

/// Whether a system error says that there is no room: on the disk, in a quota, or up to the limit on
/// the size of files.
[[nodiscard]] constexpr bool is_no_room(int error) noexcept {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

}  // namespace maillon
