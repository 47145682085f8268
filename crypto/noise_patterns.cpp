#include "crypto/noise_patterns.hpp"

#include <algorithm>
#include <array>

namespace maillon::crypto::noise {
namespace {

struct Row {
  std::string_view name;
  std::string_view known;  ///< whose static key both know before: "i", "r", "ir" or ""
  std::string_view messages;
};

constexpr auto kRows = std::to_array<Row>({
    // One-way, section 7.4.
    {"N", "r", "e es"},
    {"K", "ir", "e es ss"},
    {"X", "r", "e es s ss"},
    // Interactive, section 7.5.
    {"NN", "", "e, e ee"},
    {"NK", "r", "e es, e ee"},
    {"NX", "", "e, e ee s es"},
    {"XN", "", "e, e ee, s se"},
    {"XK", "r", "e es, e ee, s se"},
    {"XX", "", "e, e ee s es, s se"},
    {"KN", "i", "e, e ee se"},
    {"KK", "ir", "e es ss, e ee se"},
    {"KX", "i", "e, e ee se s es"},
    {"IN", "", "e s, e ee se"},
    {"IK", "r", "e es s ss, e ee se"},
    {"IX", "", "e s, e ee se s es"},
    // Deferred, section 18.1.
    {"NK1", "r", "e, e ee es"},
    {"NX1", "", "e, e ee s, es"},
    {"X1N", "", "e, e ee, s, se"},
    {"X1K", "r", "e es, e ee, s, se"},
    {"XK1", "r", "e, e ee es, s se"},
    {"X1K1", "r", "e, e ee es, s, se"},
    {"X1X", "", "e, e ee s es, s, se"},
    {"XX1", "", "e, e ee s, es s se"},
    {"X1X1", "", "e, e ee s, es s, se"},
    {"K1N", "i", "e, e ee, se"},
    {"K1K", "ir", "e es, e ee, se"},
    {"KK1", "ir", "e, e ee se es"},
    {"K1K1", "ir", "e, e ee es, se"},
    {"K1X", "i", "e, e ee s es, se"},
    {"KX1", "i", "e, e ee se s, es"},
    {"K1X1", "i", "e, e ee s, se es"},
    {"I1N", "", "e s, e ee, se"},
    {"I1K", "r", "e es s, e ee, se"},
    {"IK1", "r", "e s, e ee se es"},
    {"I1K1", "r", "e s, e ee es, se"},
    {"I1X", "", "e s, e ee s es, se"},
    {"IX1", "", "e s, e ee se s, es"},
    {"I1X1", "", "e s, e ee s, se es"},
});

Error unknown() { return {Errc::usage, "noise: no such pattern"}; }

/// Takes the text up to `separator` off the front of `rest`.
std::string_view next(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

Token token_of(std::string_view text) {
  if (text == "e") return Token::e;
  if (text == "s") return Token::s;
  if (text == "ee") return Token::ee;
  if (text == "es") return Token::es;
  if (text == "se") return Token::se;
  MAILLON_ASSERT(text == "ss", "the table holds only tokens of the specification");
  return Token::ss;
}

Pattern expanded(const Row& row) {
  Pattern out;
  out.initiator_known = row.known.find('i') != row.known.npos;
  out.responder_known = row.known.find('r') != row.known.npos;
  for (auto rest = row.messages; !rest.empty();) {
    auto& tokens = out.messages.emplace_back();
    for (auto message = next(rest, ','); !message.empty();) {
      if (const auto text = next(message, ' '); !text.empty()) tokens.push_back(token_of(text));
    }
  }
  return out;
}

/// "psk0": before everything; "pskN": at the end of message N (section 9.4).
Result<void> add_modifiers(Pattern& pattern, std::string_view modifiers) {
  while (!modifiers.empty()) {
    const auto one = next(modifiers, '+');
    if (one.size() != 4 || !one.starts_with("psk") || one[3] < '0' || one[3] > '9')
      return unknown();
    const auto place = static_cast<std::size_t>(one[3] - '0');
    if (place > pattern.messages.size()) return unknown();
    if (place == 0) {
      auto& tokens = pattern.messages.front();
      tokens.insert(tokens.begin(), Token::psk);
    } else {
      pattern.messages[place - 1].push_back(Token::psk);
    }
    ++pattern.psk_count;
  }
  return {};
}

}  // namespace

Result<Pattern> parse_pattern(std::string_view name) {
  const auto base = name.substr(0, name.find("psk"));
  const auto* const row = std::ranges::find(kRows, base, &Row::name);
  if (row == kRows.end()) return unknown();
  Pattern pattern = expanded(*row);
  MAILLON_CHECK(add_modifiers(pattern, name.substr(base.size())));
  return pattern;
}

}  // namespace maillon::crypto::noise
