#include "node/admin/clock_words.hpp"

namespace maillon::admin {
namespace {

/// In the largest unit of which there are two, to the nearest one.
std::string time_in_words(Language language, std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60, kHour = 3'600, kDay = 86'400;
  const auto whole = [&](std::int64_t unit) { return (seconds + unit / 2) / unit; };
  if (seconds >= 2 * kDay) return say(language, "{} jours", "{} days", grouped(whole(kDay)));
  if (seconds >= 2 * kHour) return say(language, "{} heures", "{} hours", whole(kHour));
  if (seconds >= 2 * kMinute) return say(language, "{} minutes", "{} minutes", whole(kMinute));
  return say(language, "{} s", "{} s", seconds);
}

}  // namespace

std::optional<std::string> clock_warning(Language language, const peers::ClockState& clock) {
  if (!clock.is_off()) return std::nullopt;
  const auto apart = std::chrono::round<std::chrono::seconds>(*clock.offset).count();
  const std::string time = time_in_words(language, std::abs(apart));
  return apart > 0
             ? say(language,
                   "l’horloge de cette machine retarde de {} sur la médiane de ses pairs ({}) : "
                   "réglez-la",
                   "this machine's clock is {} behind the median of its peers' ({}): set it", time,
                   clock.peers)
             : say(language,
                   "l’horloge de cette machine avance de {} sur la médiane de ses pairs ({}) : "
                   "réglez-la",
                   "this machine's clock is {} ahead of the median of its peers' ({}): set it",
                   time, clock.peers);
}

Result<void> check_clock(Call& call) {
  if (call.peers() == nullptr) return {};
  const auto clock = call.peers()->clock();
  if (!clock.is_ahead()) return {};
  return said(
      Errc::refused, *clock_warning(Language::english, clock),
      *clock_warning(Language::french, clock),
      "what is written now would take effect for the others only when its time comes; run it "
      "again once the clock is right",
      "ce qui s’écrit maintenant n’aurait d’effet chez les autres qu’à sa date ; relancez la "
      "commande une fois l’horloge réglée");
}

}  // namespace maillon::admin
