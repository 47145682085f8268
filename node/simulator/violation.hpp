#pragma once

#include <string>

#include "proto/result.hpp"

namespace maillon::sim {

/// A rule was broken. Thrown from anywhere inside a run, and the end of it.
struct Violation {
  std::string what;
};

/// A value or the end of the run with its error.
template <class T>
T sure(Result<T> result, const char* doing) {
  if (result.has_error()) throw Violation{std::string{doing} + ": " + result.error().detail};
  return *std::move(result);
}
inline void sure(Result<void> result, const char* doing) {
  if (result.has_error()) throw Violation{std::string{doing} + ": " + result.error().detail};
}

}  // namespace maillon::sim
