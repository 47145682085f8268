#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace maillon {

/// What kind of failure: logic decides on it, and the exit code of the command line follows from it.
enum class Errc : std::uint8_t {
  malformed,      ///< bytes that no honest peer or tool writes
  refused,        ///< well-formed, yet a rule says no
  usage,          ///< wrong arguments
  not_found,      ///< no such record, commit, file
  not_allowed,    ///< a right is missing: access, passphrase, permissions
  unavailable,    ///< no daemon, no peer, not in time
  integrity,      ///< a hash, signature or fold does not match what is stored
  io,             ///< the operating system or SQLite failed
  full,           ///< disk or a named limit is full
  busy,           ///< somebody else holds the folder or the port
  newer_version,  ///< written by a later version of Maillon
};

/// A failure as a value. `detail` is for logs and English readers and never goes to peers.
/// `fr` says the same in French where a person may read it; `hint` tells what to do.
struct Error {
  Errc code = Errc::refused;
  std::string detail;
  std::string fr = {};
  std::string hint = {};
  std::string hint_fr = {};
};

/// Called by boost::system::result when value() is asked of an error: a bug of ours, so stop.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& at);

/// A value or an Error; dropping one is a compile warning.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using boost::system::result<T, Error>::result;
};

/// Prints the condition and ends the process; stays on in release.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   std::string_view why);

}  // namespace maillon

/// An invariant of ours. Never use it to judge input.
#define MAILLON_ASSERT(condition, why)                                                  \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::maillon::assertion_failed(#condition, __FILE__, __LINE__, why);                 \
  } while (false)

#define MAILLON_CAT_(a, b) a##b
#define MAILLON_CAT(a, b) MAILLON_CAT_(a, b)

/// `MAILLON_TRY(auto x, f());` declares x from the value of f(), or returns its error.
#define MAILLON_TRY_(tmp, decl, ...)          \
  auto tmp = (__VA_ARGS__);                   \
  if (tmp.has_error()) return std::move(tmp).error(); \
  decl = *std::move(tmp)
#define MAILLON_TRY(decl, ...) MAILLON_TRY_(MAILLON_CAT(try_, __LINE__), decl, __VA_ARGS__)

/// `MAILLON_CHECK(f());` returns the error of f(), if any.
#define MAILLON_CHECK(...)                                                             \
  do {                                                                                 \
    if (auto checked_ = (__VA_ARGS__); checked_.has_error()) return std::move(checked_).error(); \
  } while (false)
