#include <sodium.h>
#include <sqlite3.h>

#include <boost/version.hpp>

#include "node/admin/json_writer.hpp"
#include "node/cli/execute.hpp"

namespace maillon::cli {
namespace {

int show_version(Line& line) {
  const std::string boost = fmt::format("{}.{}.{}", BOOST_VERSION / 100'000,
                                        BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
  const std::string fmt_version =
      fmt::format("{}.{}.{}", FMT_VERSION / 10'000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
  admin::JsonWriter json;
  json.object()
      .field("version", MAILLON_VERSION)
      .field("build", MAILLON_BUILD)
      .field("schema", storage::newest_schema())
      .key("libraries")
      .object()
      .field("boost", boost)
      .field("fmt", fmt_version)
      .field("libsodium", sodium_version_string())
      .field("sqlite", sqlite3_libversion())
      .end_object()
      .end_object();
  admin::Reply reply;
  reply.json = json.take();
  reply.text =
      fmt::format("maillon {} ({})\n  Boost {}, fmt {}, libsodium {}, SQLite {}\n", MAILLON_VERSION,
                  MAILLON_BUILD, boost, fmt_version, sodium_version_string(), sqlite3_libversion());
  return present(line, reply);
}

}  // namespace

void add_version(Command app, Line& line) {
  Command command = app.add("version",
                            line.say("Version de Maillon et de ses bibliothèques.",
                                     "Version of Maillon and of its libraries."),
                            "");
  command.then([&line] { line.action = show_version; });
}

}  // namespace maillon::cli
