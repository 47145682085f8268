#include "storage/merge/document.hpp"
#include "storage/merge/record_state.hpp"
#include "tests/fuzz/any_log.hpp"
#include "tests/fuzz/target.hpp"

/// States of records as they are stored.
namespace maillon::fuzz {
namespace {

using namespace storage::merge;

Bytes written(const RecordState& state) {
  Bytes out;
  encode_state(state, out);
  return out;
}

/// Everything that is asked of a state that was read.
void look_at(RecordState& state) {
  const AnyLog log;
  (void)state.touched_by_void();
  const Shown shown = show(state, log);
  for (const ShownField& field : shown.fields)
    if (!has_elements(field.tag()) && field.shown != nullptr) (void)field.value();
  crypto::Hasher hasher;
  (void)digest_into(hasher, "lieux", RecordId::zero(), state, log);
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(state) {
  using namespace maillon;
  using namespace maillon::fuzz;
  const auto first = decode_state(input);
  if (first.has_error()) return;
  const Bytes once = written(*first);
  auto second = decode_state(once);
  MAILLON_ASSERT(second.has_value(), second.error().detail);
  look_at(*second);
  // Opening what is stored writes nothing else.
  MAILLON_ASSERT(written(*second) == once, "what was read is written alike");
  for (FieldState& field : second->fields)
    if (has_elements(field.tag)) (void)field.open();
  const Bytes opened = written(*second);
  auto third = decode_state(opened);
  MAILLON_ASSERT(third.has_value(), third.error().detail);
  for (FieldState& field : third->fields)
    if (has_elements(field.tag)) (void)field.open();
  MAILLON_ASSERT(written(*third) == opened, "what was opened is written alike");
}
