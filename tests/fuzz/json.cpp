#include "node/catalogue/csv_text.hpp"
#include "node/catalogue/json_scanner.hpp"
#include "tests/fuzz/target.hpp"

/// Single values: the scanner of JSON, and cells of CSV.
namespace maillon::fuzz {
namespace {

using namespace catalogue;

/// A value that was scanned is scanned alike from what it was written as.
void scan(std::string_view text) {
  JsonScanner scanner{text};
  Value value;
  JsonScanner skipping{text};
  const bool good = scanner.value(value, 0);
  MAILLON_ASSERT(skipping.skip_value(0) == good, "skipping a value judges it too");
  if (!good) {
    MAILLON_ASSERT(scanner.error().code == Errc::malformed, "a fault is described");
    return;
  }
  MAILLON_ASSERT(skipping.position() == scanner.position(), "skipping a value goes as far");
  // The scanner is given UTF-8.
  if (!is_utf8(text)) return;
  const auto decoded = Value::decode(value.encoded());
  MAILLON_ASSERT(decoded.has_value() && *decoded == value, "a value is one of an op");
  std::string written;
  append_json_value(written, value);
  JsonScanner again{written};
  Value back;
  MAILLON_ASSERT(again.value(back, 0) && again.at_end(), "what was written can be scanned");
  MAILLON_ASSERT(back == value, "a value comes back as it was");
}

void guard(std::string_view text) {
  const std::string cell = csv_cell(Value::of_text(std::string{text}));
  const bool guarded = is_guarded(cell);
  MAILLON_ASSERT((guarded ? std::string_view{cell}.substr(1) : std::string_view{cell}) == text,
                 "taking the guard off gives the text back");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(json) {
  const std::string_view text = maillon::as_text(input);
  maillon::fuzz::scan(text);
  maillon::fuzz::guard(text);
}
