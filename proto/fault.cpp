#include "proto/fault.hpp"

#ifdef MAILLON_FAULTS
#include <cstdlib>
#include <string>

namespace maillon {
namespace {

/// Real processes are told by the environment, the simulator by set_fault.
std::string& current() {
  static std::string name = [] {
    const char* given = std::getenv("MAILLON_FAULT");
    return std::string{given == nullptr ? "" : given};
  }();
  return name;
}

}  // namespace

void set_fault(std::string_view name) { current() = name; }
bool fault_is(std::string_view name) noexcept { return current() == name; }

}  // namespace maillon
#endif
