#include "proto/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace maillon {

void throw_exception_from_error(const Error& error, const boost::source_location& at) {
  assertion_failed("result has a value", at.file_name(), static_cast<int>(at.line()), error.detail);
}

void assertion_failed(const char* condition, const char* file, int line, std::string_view why) {
  std::fprintf(stderr, "maillon: broken invariant at %s:%d: %s (%.*s)\n", file, line, condition,
               static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace maillon
