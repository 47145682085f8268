#include "node/admin/json_writer.hpp"

#include "node/catalogue/json_scanner.hpp"

namespace maillon::admin {

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view content) {
  separate();
  // What the system says (names of files, of hosts) need not be UTF-8.
  append_json_string(out_, is_utf8(content) ? content : "?");
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t content) {
  separate();
  out_ += std::to_string(content);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool on) {
  separate();
  out_ += on ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::value(const Value& content) {
  separate();
  append_json_value(out_, showable(content));
  return *this;
}

Value showable(const Value& value) {
  if (value.kind() != Value::Kind::json) return value;
  catalogue::JsonScanner scanner{value.text()};
  scanner.skip_space();
  const bool nested = scanner.peek() == '{' || scanner.peek() == '[';
  const bool whole = nested && scanner.skip_value(0) && (scanner.skip_space(), scanner.at_end());
  return whole ? value : Value::of_text(value.text());
}

}  // namespace maillon::admin
