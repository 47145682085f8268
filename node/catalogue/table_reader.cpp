#include "node/catalogue/table_reader.hpp"

#include <algorithm>
#include <array>

#include "node/catalogue/encoding.hpp"
#include "node/catalogue/row_gate.hpp"
#include "proto/limits.hpp"

namespace maillon::catalogue {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 4> kFormats = {{
    {Format::csv, "csv"},
    {Format::json, "json"},
    {Format::jsonl, "jsonl"},
    {Format::geojson, "geojson"},
}};

Error no_list() {
  return Error{Errc::malformed, "this is no list of records: it begins with neither [ nor {",
               "ce n'est pas une liste de fiches : le fichier ne commence ni par [ ni par {",
               "JSON is read as a list of objects: [{\"id\": 1, \"nom\": \"…\"}, …]",
               "le JSON se lit comme une liste d'objets : [{\"id\": 1, \"nom\": \"…\"}, …]"};
}

/// Whether the first line has more cells than one, as a table with ids and names must.
bool may_be_csv(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n")).find_first_of(",;\t") != text.npos;
}

/// CSV or JSON? The content decides between JSON and its kin, so a wrong extension does no harm.
Result<bool> is_json(std::string_view text, const ReadOptions& options) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return Error{Errc::malformed, "the file is empty", "le fichier est vide",
                 "name the file that holds the records, or fetch or export it again",
                 "nommez le fichier qui contient les fiches, ou téléchargez-le ou exportez-le de "
                 "nouveau"};
  const bool looks_like_json = text[first] == '[' || text[first] == '{';
  const auto format = options.format ? options.format : format_from_name(options.file_name);
  if (!format) return looks_like_json;
  if (*format == Format::csv) return false;
  if (looks_like_json) return true;
  if (!may_be_csv(text.substr(first))) return no_list();
  if (!options.format) return false;
  return Error{Errc::malformed, "this is not JSON: it begins with neither [ nor {",
               "ce n'est pas du JSON : le fichier ne commence ni par [ ni par {",
               "leave out --format, or give the right one", "omettez --format, ou donnez le bon"};
}

/// JSON is UTF-8 by definition (RFC 8259). Reading up to the damage tells which record it is in.
Error damaged_json(std::string_view text, std::size_t at, const ReadOptions& options) {
  const OnRow nobody = [](Row&&) { return Result<void>{}; };
  RowGate before{options, nobody};
  (void)read_json(text.substr(0, at), options, before);
  const std::uint64_t line = line_at(text, at);
  return Error{Errc::malformed,
               position_in_words(line, before.record(), /*french=*/false) +
                   ": a byte that is no UTF-8, which JSON always is",
               position_in_words(line, before.record(), /*french=*/true) +
                   " : un octet qui n'est pas de l'UTF-8, or le JSON en est toujours",
               "save the file again as UTF-8", "enregistrez le fichier de nouveau en UTF-8"};
}

}  // namespace

std::string_view name_of(Format format) noexcept {
  return kFormats[static_cast<std::size_t>(format)].second;
}

std::optional<Format> format_from_name(std::string_view name) noexcept {
  const std::string_view end = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: all of it
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  for (const auto& [format, word] : kFormats)
    if (std::ranges::equal(end, word, {}, lower)) return format;
  if (std::ranges::equal(end, std::string_view{"ndjson"}, {}, lower)) return Format::jsonl;
  return std::nullopt;
}

Result<ReadSummary> read_table(ByteView bytes, const ReadOptions& options, const OnRow& on_row) {
  if (bytes.size() > limits::kImportFileMax)
    return Error{Errc::full, "the file is larger than 1 GiB", "le fichier dépasse 1 Gio",
                 "split it", "découpez-le"};
  std::string_view text = as_text(bytes);
  MAILLON_TRY(const DetectedEncoding detected, detect_encoding(text));
  text.remove_prefix(detected.skip);
  MAILLON_TRY(const bool json, is_json(text, options));
  if (detected.first_damage != DetectedEncoding::kNowhere) {
    const std::size_t at = detected.first_damage - detected.skip;
    if (json) return damaged_json(text, at, options);
    if (detected.mixed) return damaged_utf8(text, at);
  }
  std::string converted;
  if (detected.encoding == Encoding::windows_1252) {
    converted = utf8_from_windows_1252(text);
    text = converted;
  }
  RowGate gate{options, on_row};
  gate.summary.encoding = detected.encoding;
  gate.summary.byte_order_mark = detected.skip > 0;
  MAILLON_CHECK(json ? read_json(text, options, gate) : read_csv(text, options, gate));
  return std::move(gate.summary);
}

Result<ReadSummary> check_table(ByteView bytes, const ReadOptions& options) {
  return read_table(bytes, options, [](Row&&) { return Result<void>{}; });
}

}  // namespace maillon::catalogue
