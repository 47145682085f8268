#pragma once

#include <fmt/format.h>

#include <string>

#include "node/admin/command.hpp"

/// Words for people, in the language that they chose.
namespace maillon::admin {

/// The French or the English sentence, with its arguments.
template <class... A>
[[nodiscard]] std::string say(Language language, fmt::format_string<A...> french,
                              fmt::format_string<A...> english, A&&... args) {
  return fmt::format(language == Language::french ? french : english, std::forward<A>(args)...);
}

/// An error in both languages.
[[nodiscard]] inline Error said(Errc code, std::string en, std::string fr, std::string hint = {},
                                std::string hint_fr = {}) {
  return Error{code, std::move(en), std::move(fr), std::move(hint), std::move(hint_fr)};
}

/// 2026-03-01T12:34:56.789Z, for programs.
[[nodiscard]] std::string utc(UnixMillis time);
/// 2026-03-01 13:34, by the machine's time zone, for people.
[[nodiscard]] std::string local(UnixMillis time);
/// 12 345 678 with thin groups, as both languages read it.
[[nodiscard]] std::string grouped(std::int64_t number);
/// 1,4 Mo or 1.4 MB.
[[nodiscard]] std::string bytes_in_words(std::uint64_t bytes, Language language);
/// The first digits of an id, enough for people to tell ids apart.
template <class Id>
[[nodiscard]] std::string shortened(const Id& id) {
  return id.hex().substr(0, 12);
}
/// How many bytes of UTF-8 at `i` are a character that controls a terminal, shows nothing or turns
/// the text around it; 0 for every other.
[[nodiscard]] std::size_t unseen_at(std::string_view text, std::size_t i);
/// At most `max` bytes of a text, cut between characters; unseen ones become spaces, so that what a
/// peer wrote can neither drive a terminal nor look like something else.
[[nodiscard]] std::string for_terminal(std::string_view text, std::size_t max = 200);
[[nodiscard]] std::string role_in_words(Role role, Language language);

/// Columns padded to a common width; the first row is the heading.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace maillon::admin
