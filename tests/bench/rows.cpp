#include "tests/bench/rows.hpp"

#include <time.h>

#include <array>
#include <fstream>

#include "crypto/sign.hpp"

namespace maillon::bench {
namespace {

constexpr std::array kTowns{"Angoulême", "Cognac", "Jarnac", "Barbezieux-Saint-Hilaire",
                            "Ruffec",    "Soyaux", "La Couronne", "Confolens"};
constexpr std::array kServices{
    "Maîtrise des outils numériques du quotidien|Compréhension du monde numérique",
    "Aide aux démarches administratives|Maîtrise des outils numériques du quotidien",
    "Insertion professionnelle via le numérique|Loisirs et créations numériques"};

std::string digits(std::uint64_t value, std::size_t width) {
  std::string out = std::to_string(value);
  return out.size() >= width ? out.substr(out.size() - width) : std::string(width - out.size(), '0') + out;
}

}  // namespace

std::vector<std::pair<std::string, Value>> row(std::uint64_t number) {
  crypto::SeededRng rng{number};
  const std::uint64_t u = rng.u64();
  const auto text = [](std::string t) { return Value::of_text(std::move(t)); };
  const auto decimal = [](std::string t) { return Value{Value::Kind::number, std::move(t)}; };
  const std::string town = kTowns[u % kTowns.size()];
  const std::string house = std::to_string(u % 977);
  return {{"id", text("structure-" + std::to_string(number) + "-" + to_hex(rng.bytes<6>()))},
          {"pivot", text(digits(rng.u64(), 14))},
          {"nom", text("Espace public numérique de " + town + " " + house)},
          {"commune", text(town)},
          {"code_postal", text("16" + digits(u % 16 * 10, 3))},
          {"code_insee", text("16" + digits(u % 400, 3))},
          {"adresse", text(std::to_string(u % 200) + " rue de la République")},
          {"latitude", decimal("45." + std::to_string(100000 + u % 899999))},
          {"longitude", decimal("0." + std::to_string(100000 + (u >> 20) % 899999))},
          {"telephone", text("+335" + digits(u >> 8, 8))},
          {"courriels", text("contact@epn-" + house + ".fr")},
          {"site_web", text("https://www.epn-" + house + ".fr/")},
          {"horaires", text("Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00")},
          {"typologie", text("ESS|TIERS_LIEUX")},
          {"services", text(kServices[u % kServices.size()])},
          {"frais_a_charge", text("Gratuit")},
          {"modalites_acces", text("Se présenter|Téléphoner")},
          {"source", text("conseiller-numerique")},
          {"structure_parente", text("Communauté d’agglomération")},
          {"date_maj", text("2023-0" + std::to_string(1 + u % 9) + "-1" + std::to_string(u % 9))}};
}

std::string json_of(const std::vector<std::pair<std::string, Value>>& fields) {
  std::string out = "{";
  for (const auto& [name, value] : fields) {
    if (out.size() > 1) out += ',';
    out += '"' + name + "\":";
    const bool bare = value.kind() == Value::Kind::number;
    out += bare ? value.text() : '"' + value.text() + '"';
  }
  return out + '}';
}

storage::Change change_of(std::uint64_t number) {
  storage::Change out;
  out.collection = "lieux";
  out.fields = row(number);
  out.form = IdForm::derived;
  out.source = "mesure";
  out.external_id = out.fields.front().second.text();
  out.id = storage::derived_record_id(out.collection, out.source, out.external_id);
  return out;
}

storage::Change typed(std::uint64_t number, std::vector<std::pair<std::string, Value>> fields) {
  storage::Change out;
  out.id = change_of(number).id;
  out.collection = "lieux";
  out.fields = std::move(fields);
  return out;
}

double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::size_t memory(int pid, const std::string& field) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1)) * 1024;
  return 0;
}

}  // namespace maillon::bench
