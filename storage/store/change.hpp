#pragma once

#include <string>
#include <vector>

#include "proto/op.hpp"
#include "proto/value.hpp"

/// What is asked of the store to write.
namespace maillon::storage {

/// What somebody wants of a field that is no register.
struct FieldEdit {
  enum class How : std::uint8_t {
    set,     ///< to become these values, whatever that takes
    add,     ///< into a set, to the end of a list or text, onto a counter
    remove,  ///< out of a set or list, off a counter
  };
  std::string name;
  FieldTag tag = FieldTag::reg;
  How how = How::set;
  std::vector<Value> values = {};  ///< one, except of sets and lists
  Value as_register = {};          ///< of a row of a source: what it says where the record has a register
};

/// A change that somebody wishes for; dots are filled in when it is written.
struct Change {
  OpKind kind = OpKind::patch;
  std::string collection;
  RecordId id = RecordId::zero();
  IdForm form = IdForm::random;
  std::string source;       ///< with external_id: this is a row of a source, and fields that the
  std::string external_id;  ///< source gave before and no longer gives are cleared
  std::vector<std::pair<std::string, Value>> fields = {};  ///< registers
  std::vector<FieldEdit> edits = {};                       ///< of other types
  /// The fields come from a format that knows texts only, as CSV does: a field that displays as
  /// the text already says the same, and an absent one may be an empty text.
  bool untyped = false;
  std::string key = {};  ///< of an owned record: the author's own name for it
};

}  // namespace maillon::storage
