#pragma once

#include <utility>

#include "proto/result.hpp"

namespace maillon::storage {

/// Why a proof proves nothing. Not for use outside this folder.
[[nodiscard]] inline Error unproved(std::string en, std::string fr) {
  return Error{Errc::integrity, std::move(en), std::move(fr),
               "do not rely on it; ask whoever made it for another one",
               "ne vous y fiez pas ; demandez-en une autre à qui l’a faite"};
}

}  // namespace maillon::storage
