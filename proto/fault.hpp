#pragma once

#include <string_view>

/// Deliberate faults: each breaks one rule where the rule stands, so that the simulator can show
/// that it would notice. Compiled out of release builds.
#ifdef MAILLON_FAULTS
namespace maillon {
/// The one fault switched on in this process, or nothing.
void set_fault(std::string_view name);
[[nodiscard]] bool fault_is(std::string_view name) noexcept;
}  // namespace maillon
#define MAILLON_FAULT(name) (::maillon::fault_is(name))
#else
#define MAILLON_FAULT(name) (false)
#endif
